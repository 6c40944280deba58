//! Tells the linker where the board's memory is, and turns the protocol's vectors into a table of
//! Rust for the self-test.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

const VECTORS: &str = "../../tests/vectors";

fn main() {
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rerun-if-changed={VECTORS}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    fs::write(out.join("vectors.rs"), vectors()).expect("OUT_DIR can be written to");
    println!("cargo::rustc-link-search={}", out.display());
    // Said here and not in .cargo/config.toml, where RUSTFLAGS would override it.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo::rustc-link-arg-bins=-Tlink.x");
    }
}

fn vectors() -> String {
    let mut table = String::from("const NAMES: &[Name] = &[\n");
    for case in cases("tcp.json", "one") {
        let pieces: Vec<String> = list(&case["send"]).iter().map(piece).map(literal).collect();
        writeln!(
            table,
            "Name {{ id: {:?}, send: &[{}], gap_ms: {}, fin: {}, reply: {} }},",
            text(&case["name"]),
            pieces.join(", "),
            case["gap_ms"].as_u64().expect("gap_ms is a number"),
            case["fin"].as_bool().expect("fin is true or false"),
            literal(reply(&case["reply"])),
        )
        .expect("a string takes everything");
    }
    table += "];\nconst MESSAGES: &[Message] = &[\n";
    for case in cases("udp.json", "messages") {
        let (kind, shown) = match &case["shown"] {
            Value::Null => ("Refused", text(&case["error"])),
            shown => ("Shown", text(shown)),
        };
        writeln!(
            table,
            "Message {{ id: {:?}, datagram: {}, expected: Expected::{kind}({shown:?}) }},",
            text(&case["name"]),
            literal(pieces(&case["datagram"])),
        )
        .expect("a string takes everything");
    }
    table + "];\n"
}

fn cases(file: &str, key: &str) -> Vec<Value> {
    let path = Path::new(VECTORS).join(file);
    let json = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("can't read {}: {error}", path.display()));
    let json: Value = serde_json::from_str(&json)
        .unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()));
    list(&json[key]).to_vec()
}

/// What crosses the wire as an answer.
fn reply(reply: &Value) -> Vec<u8> {
    match &reply["refusal"] {
        Value::Null => [b"Hello, ".to_vec(), pieces(&reply["greeting"])].concat(),
        refusal => text(refusal).as_bytes().to_vec(),
    }
}

fn pieces(value: &Value) -> Vec<u8> {
    list(value).iter().flat_map(piece).collect()
}

/// Text, hexadecimal bytes, or a repeated text.
fn piece(value: &Value) -> Vec<u8> {
    if let Some(repeat) = value.get("repeat") {
        let times = value["times"].as_u64().expect("times is a number");
        let times = usize::try_from(times).expect("it fits into memory");
        return text(repeat).repeat(times).into_bytes();
    }
    match value.get("hex") {
        Some(hex) => text(hex)
            .as_bytes()
            .chunks(2)
            .map(|digits| {
                let digits = str::from_utf8(digits).expect("hex is ASCII");
                u8::from_str_radix(digits, 16).expect("two hexadecimal digits")
            })
            .collect(),
        None => text(&value["text"]).as_bytes().to_vec(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn literal(bytes: impl AsRef<[u8]>) -> String {
    format!("b\"{}\"", bytes.as_ref().escape_ascii())
}
