//! The table of greetings across lossy networks, as it stood when somebody last looked at it.
//!
//! A change in it is no error by itself; it says that greetings take another time than before. To
//! accept it, run the test with `GREET_BLESS=1` and look at the difference.

use std::path::Path;

#[test]
fn greetings_take_the_time_that_they_took() {
    let table = greet_tests::netsim::table();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("netsim.txt");
    if std::env::var_os("GREET_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap();
    assert!(table == known, "before:\n{known}\nnow:\n{table}");
}
