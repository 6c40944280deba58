//! The README shows the example as it is, and what it prints.

use std::error::Error;
use std::{env, fs, process};

#[allow(dead_code, reason = "its main is for those who run it")]
#[path = "../examples/one_read.rs"]
mod one_read;

const README: &str = include_str!("../README.md");

#[test]
fn the_readme_shows_the_example_and_what_it_prints() -> Result<(), Box<dyn Error>> {
    assert!(README.contains(include_str!("../examples/one_read.rs")));
    let folder = env::temp_dir().join(format!("smoltcp-sim-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let report = one_read::hunt(&folder)?;
    let picture = fs::read_to_string(folder.join("ladder.svg"));
    let packets = fs::read(folder.join("packets.pcapng"));
    fs::remove_dir_all(&folder)?;
    assert!(README.contains(report.trim_end()), "{report}");
    assert!(picture?.contains("lost by chance"));
    assert!(packets?.len() > 1000);
    Ok(())
}
