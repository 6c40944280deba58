//! The programs, as a newcomer runs them: those that end by themselves.

use std::path::PathBuf;
use std::process::Command;

fn output(name: &str, arguments: &[&str]) -> String {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("it lies in deps");
    let program: PathBuf = profile
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let output = Command::new(program).args(arguments).output();
    let output = output.expect("`cargo build --examples` builds it");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_cable_carries_a_greeting() {
    let lines = output("embassy_cable", &[]);
    assert_eq!(lines, "server: Greeted\nclient: Ok(()), Hello, World\n");
}

#[test]
fn a_greeting_gets_through_losses_the_same_way_each_time() {
    let lines = output("embassy_lossy", &["9", "25"]);
    assert!(lines.contains("client: Ok(()), Hello, World\n"), "{lines}");
    assert!(lines.contains("lost by chance"), "{lines}");
    assert_eq!(lines, output("embassy_lossy", &["9", "25"]));
}
