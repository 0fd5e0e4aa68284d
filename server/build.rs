//! Builds the server again when the web client that it embeds has been built again.

use std::path::Path;

fn main() {
    let client = Path::new("../web-client/dist");
    // Cargo takes a path that is not there for one that always changes. A tree that cannot be written
    // to does not change either, so a failure here costs nothing.
    let _ = std::fs::create_dir_all(client);
    println!("cargo:rerun-if-changed={}", client.display());
    println!("cargo:rerun-if-changed=build.rs");
}
