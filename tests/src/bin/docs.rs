//! Writes the generated pages: `make docs`.

fn main() -> std::io::Result<()> {
    for (path, text) in otoscope_tests::docs::all() {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        println!("{}", path.strip_prefix(otoscope_tests::docs::root()).unwrap_or(&path).display());
        std::fs::write(path, text)?;
    }
    Ok(())
}
