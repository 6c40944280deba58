//! Plain embassy-net beside embassy-net with a backlog: `cargo run --example backlog_figures`
//!
//! Four sockets; each client greets 25 times, over a simulated link of 5 ms.

use greet_async_examples::figures::{Behind, ROUNDS, run};

fn main() {
    println!(
        "| clients | behind four sockets | connects | greeted | refused | failed | virtual time |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|");
    for clients in [4, 8, 64] {
        for behind in [Behind::Nothing, Behind::Backlog] {
            let counts = run(behind, clients, 0, 1);
            println!(
                "| {clients} | {} | {} | {} | {} | {} | {} ms |",
                match behind {
                    Behind::Nothing => "nothing",
                    Behind::Backlog | Behind::Tasks => "a backlog",
                },
                clients * ROUNDS,
                counts.greeted,
                counts.refused,
                counts.failed,
                counts.millis,
            );
        }
    }
}
