//! Loading: the cache, precompiled files, and what is refused.
#![cfg(feature = "compiler")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_host::{Component, Damage, HostError, Origin, Portcullis, Runtime, TextDoor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn load(cache: &Path) -> Result<Component, HostError> {
    runtime(cache)?.load_file(support::misbehaving())
}

fn runtime(cache: &Path) -> Result<Runtime, HostError> {
    Runtime::builder().cache_folder(cache).max_instances(1).build()
}

fn works(component: &Component) -> bool {
    TextDoor::new(component).and_then(|mut door| door.answer(b"hello", 0)).is_ok()
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

#[test]
fn compiled_code_is_cached_and_found_again() -> Outcome {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("made/for/it");
    assert_eq!(*load(&cache)?.origin(), Origin::Stored);
    let again = load(&cache)?;
    assert_eq!(*again.origin(), Origin::Cached);
    assert!(works(&again));
    assert_eq!(files(&cache)?.len(), 1);
    Ok(())
}

#[test]
fn a_damaged_cache_is_noticed_and_rebuilt() -> Outcome {
    let cache = tempfile::tempdir()?;
    load(cache.path())?;
    let file = files(cache.path())?.remove(0);
    let good = fs::read(&file)?;
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let truncated = good[..good.len() / 2].to_vec();
    let appended = [&good[..], b"x"].concat();
    // The code of another component, as somebody's copy would be: the hash of the component stands after the magic.
    let mut other = good.clone();
    other[16] ^= 1;
    for (contents, damage) in [
        (flipped, Damage::Checksum),
        (truncated, Damage::Length),
        (appended, Damage::Length),
        (other, Damage::OtherComponent),
        (Vec::new(), Damage::NotOurs),
        (b"garbage".to_vec(), Damage::NotOurs),
    ] {
        fs::write(&file, contents)?;
        let rebuilt = load(cache.path())?;
        assert_eq!(*rebuilt.origin(), Origin::Rebuilt(damage));
        assert!(works(&rebuilt));
        assert_eq!(*load(cache.path())?.origin(), Origin::Cached);
    }
    Ok(())
}

#[test]
fn code_that_the_engine_does_not_take_is_rebuilt() -> Outcome {
    use sha2::{Digest as _, Sha256};

    let cache = tempfile::tempdir()?;
    load(cache.path())?;
    let file = files(cache.path())?.remove(0);
    // Everything is right with this file but what is in it.
    let payload = b"not wasmtime's";
    let mut contents = fs::read(&file)?;
    contents.truncate(16 + 32);
    contents.extend_from_slice(&Sha256::digest(payload));
    contents.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    contents.extend_from_slice(payload);
    fs::write(&file, contents)?;
    let rebuilt = load(cache.path())?;
    assert!(matches!(rebuilt.origin(), Origin::Rebuilt(Damage::Engine(_))), "{:?}", rebuilt.origin());
    assert!(works(&rebuilt));
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_cache_that_others_can_write_to_is_not_used() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;

    let cache = tempfile::tempdir()?;
    load(cache.path())?;
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(mode))?;
        let component = load(cache.path())?;
        assert!(matches!(component.origin(), Origin::NotCached(_)), "{mode:o}: {:?}", component.origin());
        assert!(works(&component));
    }
    // The same for one file in a folder that is all right.
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o700))?;
    let file = files(cache.path())?.remove(0);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
    assert!(matches!(load(cache.path())?.origin(), Origin::NotCached(_)));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    assert_eq!(*load(cache.path())?.origin(), Origin::Cached);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_cache_folder_is_made_for_its_owner_alone() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    load(&cache)?;
    assert_eq!(fs::metadata(&cache)?.permissions().mode() & 0o777, 0o700);
    Ok(())
}

#[test]
fn a_cache_that_cannot_be_made_is_no_error() -> Outcome {
    let file = tempfile::NamedTempFile::new()?;
    let component = load(&file.path().join("below-a-file"))?;
    assert!(matches!(component.origin(), Origin::NotCached(_)));
    assert!(works(&component));
    Ok(())
}

#[test]
fn a_precompiled_file_loads() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("misbehaving.cwasm");
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    let wasm = fs::read(support::misbehaving())?;
    write_for_me(&file, &runtime.precompile(&wasm)?)?;
    let component = runtime.load_precompiled_file(&file)?;
    assert_eq!(*component.origin(), Origin::Precompiled);
    assert_eq!(component.sha256(), runtime.load(&wasm)?.sha256());
    assert!(works(&component));
    Ok(())
}

#[test]
fn a_precompiled_file_that_is_damaged_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("misbehaving.cwasm");
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    let mut contents = runtime.precompile(&fs::read(support::misbehaving())?)?;
    let middle = contents.len() / 2;
    contents[middle] ^= 1;
    write_for_me(&file, &contents)?;
    let refused = runtime.load_precompiled_file(&file);
    assert!(matches!(refused, Err(HostError::PrecompiledDamaged { damage: Damage::Checksum, .. })), "{refused:?}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_precompiled_file_that_others_can_write_is_refused() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("misbehaving.cwasm");
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    write_for_me(&file, &runtime.precompile(&fs::read(support::misbehaving())?)?)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o602))?;
    assert!(matches!(runtime.load_precompiled_file(&file), Err(HostError::PrecompiledUntrusted { .. })));
    Ok(())
}

#[test]
fn an_unknown_import_is_refused_by_name() -> Outcome {
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    let refused = runtime.load(&importing("wasi:io/poll@0.2.0"));
    assert!(
        matches!(&refused, Err(HostError::ImportRefused { import }) if import == "wasi:io/poll@0.2.0"),
        "{refused:?}"
    );
    // Another version of the host's crypto is another interface.
    assert!(matches!(
        runtime.load(&importing("portcullis:crypto/verifier@0.2.0")),
        Err(HostError::ImportRefused { .. })
    ));
    Ok(())
}

#[test]
fn what_is_no_component_is_refused() -> Outcome {
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    let core_module = b"\0asm\x01\0\0\0";
    for bytes in [&b""[..], b"garbage", core_module] {
        assert!(matches!(runtime.load(bytes), Err(HostError::LoadFailed { .. })));
    }
    assert!(matches!(runtime.load_file("/nowhere"), Err(HostError::LoadFailed { .. })));
    Ok(())
}

#[test]
fn a_component_without_the_interface_is_refused() -> Outcome {
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    let empty = runtime.load(b"\0asm\x0d\0\x01\0")?;
    assert!(matches!(TextDoor::new(&empty), Err(HostError::ExportMissing { .. })));
    let text_only = runtime.load_file(support::misbehaving())?;
    assert!(matches!(Portcullis::new(&text_only), Err(HostError::ExportMissing { .. })));
    Ok(())
}

#[test]
fn imports_and_exports_are_told() -> Outcome {
    let runtime = Runtime::builder().max_instances(1).without_cache().build()?;
    let component = runtime.load_file(support::misbehaving())?;
    assert_eq!(component.imports(), [""; 0]);
    assert_eq!(component.exports(), ["portcullis:types/types@0.1.0", "portcullis:gate/text@0.2.0"]);
    Ok(())
}

/// The smallest component that imports an (empty) instance of this name.
fn importing(name: &str) -> Vec<u8> {
    let mut import = vec![1, 0];
    import.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    import.extend_from_slice(name.as_bytes());
    import.extend_from_slice(&[5, 0]);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    // A type section with one instance type, then the import section.
    component.extend_from_slice(&[7, 3, 1, 0x42, 0]);
    component.push(10);
    component.push(u8::try_from(import.len()).unwrap_or(u8::MAX));
    component.extend_from_slice(&import);
    component
}

/// Whatever the umask is, nobody else may write.
fn write_for_me(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;

    let mut options = fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(contents)
}
