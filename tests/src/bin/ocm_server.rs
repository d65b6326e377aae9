//! The server of `examples/ocm`, built with the tests that run it.

fn main() -> anyhow::Result<()> {
    portcullis_example_ocm::main()
}
