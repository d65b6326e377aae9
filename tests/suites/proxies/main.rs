//! Real proxies in front of an upstream, asking a real gateway: nginx with `auth_request`, Envoy with `ext_authz` over gRPC and
//! over HTTP, and Envoy with the filter. The configurations are those of `examples/`, with other ports.

mod headers;
mod paths;
mod running;
mod tokens;
