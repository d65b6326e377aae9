//! As whom an introspection endpoint is asked about a token (RFC 7662 section 2.1). Secrets are read from their files each time,
//! so that a new one needs no restart, and stand in no error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use tokio::io::AsyncReadExt as _;
use url::form_urlencoded::byte_serialize;

use crate::gate::{BasicCredential, EndpointCredential};

/// The longest secret that is read, in bytes: a JWT as a Bearer token has some KiB.
const MAX_SECRET: u64 = 16 * 1024;

/// The field `Authorization`, which is marked so that nobody logs it.
pub(super) async fn authorization(credential: &EndpointCredential) -> Result<HeaderValue, String> {
    let text = match credential {
        // RFC 6749 section 2.3.1: both in the form encoding, and then as HTTP Basic has them.
        EndpointCredential::Basic(BasicCredential { client_id, secret }) => {
            let secret = secret_of(secret).await?;
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(&secret))))
        }
        EndpointCredential::Bearer(file) => format!("Bearer {}", secret_of(file).await?),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| "the credential's file holds no token".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a file holds, without the line end at its end.
async fn secret_of(file: &str) -> Result<String, String> {
    let path = file.strip_prefix("file:").ok_or("the credential is in no file")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let read = async {
        let mut text = Vec::new();
        tokio::fs::File::open(path).await?.take(MAX_SECRET + 1).read_to_end(&mut text).await?;
        std::io::Result::Ok(text)
    };
    let text = read.await.map_err(|error| format!("the credential's file cannot be read: {}", error.kind()))?;
    if text.len() as u64 > MAX_SECRET {
        return Err(format!("the credential's file has more than {MAX_SECRET} bytes"));
    }
    let text = String::from_utf8(text).map_err(|_| "the credential's file is no text")?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err("the credential's file is empty".into());
    }
    Ok(text.to_owned())
}
