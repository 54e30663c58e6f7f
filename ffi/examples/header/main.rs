//! Writes include/otoscope.h: `cargo run -p otoscope-ffi --example header`.

mod generate;

fn main() {
    let path = generate::path();
    if let Err(error) = std::fs::write(&path, generate::header()) {
        eprintln!("{}: {error}", path.display());
        std::process::exit(1);
    }
    println!("{}", path.display());
}
