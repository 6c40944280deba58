//! `cargo vectors`: writes the probe's table of greetings and messages to `tests/vectors`, for
//! implementations in other languages.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, text) in greet_tests::vectors::files() {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    Ok(())
}
