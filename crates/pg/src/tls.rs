//! TLS to a remote PostgreSQL: libpq's `sslmode`, for the executor and for tokio-postgres.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;

use crate::{Error, Tls};

/// `SSLRequest`: length 8 and the code 80877103 (protocol 3.0, "SSL Session Encryption").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Asks the server for TLS; `false` where it has none and `mode` can do without.
pub(crate) async fn offered(stream: &mut TcpStream, mode: Tls) -> Result<bool, Error> {
    let lost = |e: io::Error| Error::Connect(format!("asking for TLS: {e}"));
    stream.write_all(&SSL_REQUEST).await.map_err(lost)?;
    match stream.read_u8().await.map_err(lost)? {
        b'S' => Ok(true),
        _ if mode == Tls::Prefer => Ok(false),
        _ => Err(Error::Connect("the server does not offer TLS, and sslmode asks for it".into())),
    }
}

/// The name that the certificate must be for.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| Error::Connect(format!("{host:?} is not a name that TLS can verify")))
}

/// What makes the handshake for a mode; the roots of the system are read once.
pub(crate) fn connector(mode: Tls) -> Result<TlsConnector, Error> {
    static VERIFIED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static UNCHECKED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let (cell, verify) = if mode == Tls::Verify { (&VERIFIED, true) } else { (&UNCHECKED, false) };
    if let Some(config) = cell.get() {
        return Ok(TlsConnector::from(config.clone()));
    }
    let config = Arc::new(client_config(verify)?);
    Ok(TlsConnector::from(cell.get_or_init(|| config).clone()))
}

fn client_config(verify: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Connect(format!("TLS: {e}")))?;
    if !verify {
        let verifier = Arc::new(Unchecked(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = "no root certificates: install ca-certificates or set SSL_CERT_FILE, or use sslmode=require";
        return Err(Error::Connect(cause.into()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// `sslmode=prefer` and `require` encrypt and do not authenticate, as libpq documents them; `verify-full` does both.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS for tokio-postgres by the same rules. It asks the server itself; give it the matching `ssl_mode` in its config.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MakeTls(pub(crate) Tls);

impl MakeTlsConnect<tokio_postgres::Socket> for MakeTls {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Error> {
        Ok(Handshake { mode: self.0, host: host.to_owned() })
    }
}

/// A handshake to be made.
pub(crate) struct Handshake {
    mode: Tls,
    host: String,
}

impl TlsConnect<tokio_postgres::Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, stream: tokio_postgres::Socket) -> Self::Future {
        Box::pin(async move {
            let connector = connector(self.mode).map_err(io::Error::other)?;
            let name = server_name(&self.host).map_err(io::Error::other)?;
            Ok(Stream(connector.connect(name, stream).await?))
        })
    }
}

/// A TLS stream of tokio-postgres.
pub(crate) struct Stream(tokio_rustls::client::TlsStream<tokio_postgres::Socket>);

impl tokio_postgres::tls::TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
