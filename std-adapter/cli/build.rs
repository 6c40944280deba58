//! Says whether this is built in its repository: a published package has no servers with faults, over which
//! some of its tests run.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(in_repository)");
    if Path::new("../../tests/src/faulty.rs").exists() {
        println!("cargo::rustc-cfg=in_repository");
    }
}
