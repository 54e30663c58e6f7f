//! The committed header is the one this code gives.

#[path = "../examples/header/generate.rs"]
mod generate;

#[test]
fn the_header_is_up_to_date() {
    let committed = std::fs::read_to_string(generate::path()).expect("include/otoscope.h is there");
    let differs = committed.lines().zip(generate::header().lines()).position(|(a, b)| a != b);
    assert!(
        committed == generate::header(),
        "include/otoscope.h is out of date (first difference in line {:?}): cargo run -p otoscope-ffi --example header",
        differs.map(|line| line + 1)
    );
}
