//! What the built components import and export: a component that asks for more than its world names is a fault.

use portcullis_host::Runtime;
use portcullis_tests::{dist, root};

const VERIFIER: &str = "portcullis:crypto/verifier@0.1.0";

/// The packages whose interfaces a slice has to export.
fn wanted_exports(slice: &str) -> &'static [&'static str] {
    match slice {
        "token" => &[
            "portcullis:types/types@0.1.0",
            "portcullis:crypto/keys@0.1.0",
            "portcullis:token/jws@0.1.0",
            "portcullis:token/jwt@0.1.0",
        ],
        "portcullis" => &[
            "portcullis:types/types@0.1.0",
            "portcullis:crypto/keys@0.1.0",
            "portcullis:token/jws@0.1.0",
            "portcullis:token/jwt@0.1.0",
            "portcullis:signature/http-signature@0.1.0",
            "portcullis:wimse/proof-token@0.1.0",
            "portcullis:client/client@0.1.0",
            "portcullis:oauth/transaction-tokens@0.1.0",
            "portcullis:oauth/lifetimes@0.1.0",
            "portcullis:oauth/app2app@0.1.0",
            "portcullis:oauth/pushed-registration@0.1.0",
            "portcullis:oauth/key-binding@0.1.0",
            "portcullis:ocm/requests@0.1.0",
            "portcullis:ocm/shares@0.1.0",
            "portcullis:ocm/access@0.1.0",
            "portcullis:gate/text@0.2.0",
            "portcullis:gate/policy@0.2.0",
            "portcullis:gate/gate@0.2.0",
        ],
        "gate" => &[
            "portcullis:types/types@0.1.0",
            "portcullis:gate/policy@0.2.0",
            "portcullis:gate/gate@0.2.0",
            "portcullis:gate/text@0.2.0",
        ],
        "signature" => &[
            "portcullis:types/types@0.1.0",
            "portcullis:crypto/keys@0.1.0",
            "portcullis:signature/http-signature@0.1.0",
            "portcullis:signature/digest@0.1.0",
            "portcullis:wimse/identifier@0.1.0",
            "portcullis:wimse/identity-token@0.1.0",
            "portcullis:wimse/proof-token@0.1.0",
            "portcullis:wimse/message-signature@0.1.0",
        ],
        "client" => &[
            "portcullis:types/types@0.1.0",
            "portcullis:crypto/keys@0.1.0",
            "portcullis:svid/bundle@0.1.0",
            "portcullis:client/client@0.1.0",
            "portcullis:client/registration@0.1.0",
        ],
        "ocm" => &[
            "portcullis:types/types@0.1.0",
            "portcullis:crypto/keys@0.1.0",
            "portcullis:ocm/addresses@0.1.0",
            "portcullis:ocm/discovery@0.1.0",
            "portcullis:ocm/requests@0.1.0",
            "portcullis:ocm/shares@0.1.0",
            "portcullis:ocm/invites@0.1.0",
            "portcullis:ocm/notifications@0.1.0",
            "portcullis:ocm/tokens@0.1.0",
            "portcullis:ocm/access@0.1.0",
            "portcullis:ocm/directory@0.1.0",
        ],
        _ => &["portcullis:types/types@0.1.0", "portcullis:crypto/keys@0.1.0"],
    }
}

#[test]
fn components_import_what_their_worlds_name_and_nothing_else() {
    let runtime = Runtime::new().expect("the runtime starts");
    let mut seen = 0;
    for entry in std::fs::read_dir(dist("components")).expect("dist/components is a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let component = runtime.load_file(&path).expect("it loads");
        let hosted = name.ends_with("-hosted");
        let wanted: Vec<String> = if hosted { vec![VERIFIER.into()] } else { vec![] };
        assert_eq!(component.imports(), wanted, "imports of {name}");
        let slice = name.trim_end_matches("-hosted").trim_end_matches("-wide");
        let exports = component.exports();
        for interface in wanted_exports(slice) {
            assert!(exports.iter().any(|export| export == interface), "{name} exports {interface}; it has {exports:?}");
        }
        seen += 1;
    }
    assert!(seen >= 27, "software, wide and hosted of nine components: {seen}");
}

#[test]
fn components_do_not_tell_where_they_were_built() {
    let home = std::env::var("HOME").unwrap_or_default();
    let root = root().display().to_string();
    for entry in std::fs::read_dir(dist("components")).expect("dist/components is a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("it reads");
        for place in [&home, &root] {
            let found = place.len() > 1 && bytes.windows(place.len()).any(|window| window == place.as_bytes());
            assert!(!found, "{} holds the path {place}", path.display());
        }
    }
}

/// The largest that the filter may be, in bytes: each worker compiles it, at each start. It was 1,700,000 until transactions, bindings and
/// attestations came.
const MAX_FILTER: usize = 1_800_000;

#[test]
fn the_filter_imports_proxy_wasm_and_nothing_else_and_is_small() {
    let bytes = std::fs::read(dist("envoy/portcullis.wasm")).expect("it reads");
    let mut imports = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::ImportSection(section) = payload.expect("it is a module") {
            for import in section.into_imports() {
                let import = import.expect("an import");
                imports.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    assert!(imports.len() > 10, "{imports:?}");
    let strange: Vec<&String> = imports.iter().filter(|import| !import.starts_with("env.proxy_")).collect();
    assert!(strange.is_empty(), "{strange:?}");
    println!("the filter: {} imports, {} bytes", imports.len(), bytes.len());
    assert!(bytes.len() <= MAX_FILTER, "{} bytes", bytes.len());
    for place in [std::env::var("HOME").unwrap_or_default(), root().display().to_string()] {
        let found = place.len() > 1 && bytes.windows(place.len()).any(|window| window == place.as_bytes());
        assert!(!found, "it holds the path {place}");
    }
}
