//! What access a registry request needs (OCI Distribution Specification 1.1, Endpoints; distribution,
//! `registry/handlers/app.go`).
//!
//! GET and HEAD need `pull`, POST, PUT and PATCH `pull` and `push`, DELETE needs `delete`, on the repository of the path;
//! the base needs nothing and the catalogue `registry:catalog:*`. A query parameter `from` names the repository of a
//! blob that is to be mounted, and needs `pull` there too. Everything else is refused: a request that is not understood
//! may be understood by the registry.

use alloc::{format, string::String, vec, vec::Vec};

use portcullis_types::{Rejection, limits::excerpt};

use super::{ANY_ACTION, Access, form, scope::is_name};
use crate::{ScopeCode, limits::MAX_TARGET};

/// Longest tag (OCI Distribution Specification 1.1, Pulling manifests).
const MAX_TAG: usize = 128;

/// The access that a request needs, each repository once. `target` is the raw path with the query, as it stands in the
/// request, at most 64 KiB.
///
/// A `from` in a form is not seen here: [`no_form`] refuses those.
///
/// Errors: `oci.method_unknown`, `oci.target_too_large`, `oci.path_*`, `oci.query_malformed`, `oci.from_*`.
///
/// ```
/// use portcullis_scope::oci::{Access, required::required_for};
/// let access = required_for("POST", "/v2/a/b/blobs/uploads/?mount=sha256:00&from=library%2Falpine").unwrap();
/// assert_eq!(access, [Access::repository("a/b", &["pull", "push"]), Access::repository("library/alpine", &["pull"])]);
/// ```
pub fn required_for(method: &str, target: &str) -> Result<Vec<Access>, Rejection> {
    let actions: &[&str] = match method {
        "GET" | "HEAD" => &["pull"],
        "POST" | "PUT" | "PATCH" => &["pull", "push"],
        "DELETE" => &["delete"],
        _ => {
            let what = format!("{} is no method of a registry request", excerpt(method));
            return Err(Rejection::new(ScopeCode::OciMethodUnknown, what));
        }
    };
    if target.len() > MAX_TARGET {
        let what = format!("{} bytes, at most {MAX_TARGET} are read", target.len());
        return Err(Rejection::new(ScopeCode::OciTargetTooLarge, what));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let endpoint = endpoint(path)?;
    let source = source(query)?;
    let mut access = match endpoint {
        Endpoint::Base => return Ok(Vec::new()),
        Endpoint::Catalog => return Ok(vec![Access::new("registry", "catalog", &[ANY_ACTION])]),
        Endpoint::Repository(name) => vec![Access::repository(name, actions)],
    };
    if let Some(source) = source {
        match access.iter_mut().find(|entry| entry.name == source) {
            Some(same) if same.actions.iter().any(|action| action == "pull") => {}
            Some(same) => same.actions.push("pull".into()),
            None => access.push(Access::repository(&source, &["pull"])),
        }
    }
    Ok(access)
}

/// Registries read the source of a mount in a form, too, where a request's body is one (Go, `net/http`, `Request.FormValue`), and
/// there it counts more than in the query. No client sends one; who does is refused. `content_type` is the field's value as it came:
/// whatever a parser could make a form of is one.
///
/// Error: `oci.form_body`.
///
/// ```
/// use portcullis_scope::oci::required::no_form;
/// assert!(no_form("application/octet-stream").is_ok());
/// assert!(no_form("Application/X-WWW-Form-URLencoded; charset=utf-8").is_err());
/// ```
pub fn no_form(content_type: &str) -> Result<(), Rejection> {
    let folded = content_type.to_ascii_lowercase();
    if ["x-www-form-urlencoded", "multipart/form-data"].iter().any(|form| folded.contains(form)) {
        let what = format!("{} is a form, which could name a source to mount from", excerpt(content_type));
        return Err(Rejection::new(ScopeCode::OciFormBody, what));
    }
    Ok(())
}

enum Endpoint<'a> {
    Base,
    Catalog,
    Repository(&'a str),
}

/// The endpoint of a path. The last segments say which it is; what stands before them is the repository's name.
fn endpoint(path: &str) -> Result<Endpoint<'_>, Rejection> {
    let unknown = || {
        let what = format!("{} is no endpoint of a registry", excerpt(path));
        Err(Rejection::new(ScopeCode::OciPathUnknown, what))
    };
    let Some(rest) = path.strip_prefix("/v2/") else {
        return unknown();
    };
    match rest {
        "" => return Ok(Endpoint::Base),
        "_catalog" => return Ok(Endpoint::Catalog),
        _ => {}
    }
    let Some((before, last)) = rest.rsplit_once('/') else {
        return unknown();
    };
    let (name, good) = if let Some(name) = before.strip_suffix("/manifests") {
        (name, is_tag(last) || is_digest(last))
    } else if let Some(name) = before.strip_suffix("/blobs/uploads") {
        (name, last.is_empty() || is_session(last))
    } else if let Some(name) = before.strip_suffix("/blobs").or_else(|| before.strip_suffix("/referrers")) {
        (name, is_digest(last))
    } else if let (Some(name), "list") = (before.strip_suffix("/tags"), last) {
        (name, true)
    } else {
        return unknown();
    };
    if !is_name(name) {
        let what = format!("{} is no repository name", excerpt(name));
        return Err(Rejection::new(ScopeCode::OciPathName, what));
    }
    if !good {
        let what = format!("{} is no tag, digest or upload session", excerpt(last));
        return Err(Rejection::new(ScopeCode::OciPathReference, what));
    }
    Ok(Endpoint::Repository(name))
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn is_tag(text: &str) -> bool {
    text.len() <= MAX_TAG
        && !text.starts_with(['.', '-'])
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// `algorithm ":" encoded` (OCI Image Specification 1.1, Digests). Whether the algorithm exists and the length fits is
/// the registry's to say.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else {
        return false;
    };
    let component =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    algorithm.split(['+', '.', '_', '-']).all(component)
        && !encoded.is_empty()
        && encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=_-".contains(&byte))
}

/// An upload session, as distribution names it: `[a-zA-Z0-9-_.=]+`, but no segment that a path can be shortened by.
fn is_session(text: &str) -> bool {
    !matches!(text, "." | "..") && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
}

/// The source repository of a mount: the one value of the parameter `from`, names and values decoded as a registry
/// decodes them, so that `%66rom` does not get past.
fn source(query: &str) -> Result<Option<String>, Rejection> {
    let mut found = None;
    for (name, value) in form::pairs(query)? {
        if form::decode(name)? != b"from" {
            continue;
        }
        if found.is_some() {
            return Err(Rejection::new(ScopeCode::OciFromRepeated, "the query has two parameters \"from\""));
        }
        let source =
            String::from_utf8(form::decode(value)?).ok().filter(|source| is_name(source)).ok_or_else(|| {
                let what = format!("the source {} is no repository name", excerpt(value));
                Rejection::new(ScopeCode::OciFromName, what)
            })?;
        found = Some(source);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn code(method: &str, target: &str) -> &'static str {
        required_for(method, target).err().map_or("", |rejection| rejection.code().trim_start_matches("oci."))
    }

    fn needs(method: &str, target: &str) -> String {
        let access = required_for(method, target).unwrap();
        access.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_endpoint_has_its_access() {
        let digest = "sha256:aaaa";
        for (method, target, expected) in [
            ("GET", "/v2/".to_string(), ""),
            ("HEAD", "/v2/".into(), ""),
            ("GET", "/v2/?x=1".into(), ""),
            ("GET", "/v2/_catalog?n=1".into(), "registry:catalog:*"),
            ("GET", "/v2/a/tags/list?n=1&last=x".into(), "repository:a:pull"),
            ("HEAD", format!("/v2/a/b/manifests/{digest}"), "repository:a/b:pull"),
            ("PUT", "/v2/a/manifests/v1.0_x-y".into(), "repository:a:pull,push"),
            ("DELETE", "/v2/a/manifests/tag".into(), "repository:a:delete"),
            ("GET", format!("/v2/a/blobs/{digest}"), "repository:a:pull"),
            ("GET", format!("/v2/a/referrers/{digest}?artifactType=x"), "repository:a:pull"),
            ("POST", "/v2/a/blobs/uploads/".into(), "repository:a:pull,push"),
            ("PATCH", "/v2/a/blobs/uploads/u.1=-_".into(), "repository:a:pull,push"),
            ("PUT", format!("/v2/a/blobs/uploads/u?_state=x&digest={digest}"), "repository:a:pull,push"),
            ("GET", "/v2/h:5000/a/manifests/t".into(), "repository:h:5000/a:pull"),
            // distribution, registry/api/v2/routes_test.go
            ("GET", "/v2/foo/bar/manifests/manifests/tags".into(), "repository:foo/bar/manifests:pull"),
            ("GET", "/v2/foo/bar/manifests/tags/list".into(), "repository:foo/bar/manifests:pull"),
        ] {
            assert_eq!(needs(method, &target), expected, "{method} {target}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (method, target, expected) in [
            ("get", "/v2/", "method_unknown"),
            ("OPTIONS", "/v2/a/tags/list", "method_unknown"),
            ("", "/v2/", "method_unknown"),
            ("GET", "", "path_unknown"),
            ("GET", "/v2", "path_unknown"),
            ("GET", "v2/", "path_unknown"),
            ("GET", "//v2/", "path_unknown"),
            ("GET", "/v1/a/tags/list", "path_unknown"),
            ("GET", "/v2/_catalog/", "path_unknown"),
            ("GET", "/v2/a", "path_unknown"),
            ("GET", "/v2/tags/list", "path_unknown"),
            ("GET", "/v2/a/tags/list/", "path_unknown"),
            ("GET", "/v2/a/tags/lists", "path_unknown"),
            ("POST", "/v2/a/blobs/uploads", "path_reference"),
            ("GET", "/v2/a/blobs/", "path_reference"),
            ("GET", "/v2/a/manifests/", "path_reference"),
            ("GET", "/v2/a/manifests/-t", "path_reference"),
            ("GET", "/v2/a/manifests/.t", "path_reference"),
            ("GET", "/v2/a/manifests/%74", "path_reference"),
            ("GET", "/v2/a/blobs/tag", "path_reference"),
            ("GET", "/v2/a/blobs/sha256:", "path_reference"),
            ("GET", "/v2/a/blobs/:aa", "path_reference"),
            ("GET", "/v2/a/blobs/SHA256:aa", "path_reference"),
            ("GET", "/v2/a/referrers/sha256:a/b", "path_unknown"),
            ("GET", "/v2/a/blobs/uploads/..", "path_reference"),
            ("GET", "/v2/a/blobs/uploads/u%2e", "path_reference"),
            ("GET", "/v2/A/tags/list", "path_name"),
            ("GET", "/v2//tags/list", "path_name"),
            ("GET", "/v2/a//tags/list", "path_name"),
            ("GET", "/v2/a/../b/tags/list", "path_name"),
            ("GET", "/v2/a%2Fb/tags/list", "path_name"),
            ("GET", "/v2/a#/tags/list", "path_name"),
        ] {
            assert_eq!(code(method, target), expected, "{method} {target}");
        }
        let tag = |n: usize| format!("/v2/a/manifests/{}", "t".repeat(n));
        assert_eq!(code("GET", &tag(MAX_TAG)), "");
        assert_eq!(code("GET", &tag(MAX_TAG + 1)), "path_reference");
        let long = |n: usize| format!("/v2/?{}", "x".repeat(n - 5));
        assert_eq!(code("GET", &long(MAX_TARGET)), "");
        assert_eq!(code("GET", &long(MAX_TARGET + 1)), "target_too_large");
    }

    #[test]
    fn a_mount_needs_its_source() {
        let mount = |query: &str| needs("POST", &format!("/v2/a/blobs/uploads/?{query}"));
        assert_eq!(mount("mount=sha256:aa&from=b"), "repository:a:pull,push repository:b:pull");
        assert_eq!(mount("from=b%2Fc"), "repository:a:pull,push repository:b/c:pull");
        assert_eq!(mount("%66r%6Fm=b"), "repository:a:pull,push repository:b:pull");
        assert_eq!(mount("from=a"), "repository:a:pull,push");
        assert_eq!(mount("From=b"), "repository:a:pull,push");
        assert_eq!(mount("mount=sha256:aa"), "repository:a:pull,push");
        assert_eq!(needs("DELETE", "/v2/a/manifests/t?from=a"), "repository:a:delete,pull");
        let fault = |query: &str| code("POST", &format!("/v2/a/blobs/uploads/?{query}"));
        assert_eq!(fault("from=b&from=c"), "from_repeated");
        assert_eq!(fault("from=b&%66rom=b"), "from_repeated");
        assert_eq!(fault("from="), "from_name");
        assert_eq!(fault("from"), "from_name");
        assert_eq!(fault("from=b+c"), "from_name");
        assert_eq!(fault("from=B"), "from_name");
        assert_eq!(fault("from=%ff"), "from_name");
        assert_eq!(fault("from=%2"), "query_malformed");
        assert_eq!(fault("%zz=1"), "query_malformed");
        assert_eq!(fault("x=1;from=b"), "query_malformed");
    }
}
