module example.org/otoscope-server

go 1.22
