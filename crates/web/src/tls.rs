use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Validity;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// `--tls-cert`: the chain, leaf first.
    pub chain: PathBuf,
    /// `--tls-key`: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read or holds no PEM of its kind.
    #[error("cannot read {what} from {}: {cause}", path.display())]
    Unreadable {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// The key does not fit the certificate, or its kind is not supported.
    #[error("the TLS certificate and key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Certificate {
    /// From when and until when clients accept it; `None` where that cannot be read.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn validity(&self) -> Result<Option<Validity>, TlsError> {
        Ok(self.read_chain()?.first().and_then(|leaf| Validity::of(leaf)))
    }

    /// The settings of a listener: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.
    ///
    /// # Errors
    /// A file that cannot be read, or a key that does not fit.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = self.read_chain()?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| unreadable("a private key", &self.key, &e))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn read_chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let chain = CertificateDer::pem_file_iter(&self.chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|e| unreadable("a certificate", &self.chain, &e))?;
        if chain.is_empty() {
            return Err(unreadable("a certificate", &self.chain, &"there is none in the file"));
        }
        Ok(chain)
    }
}

fn unreadable(what: &'static str, path: &Path, cause: &dyn std::fmt::Display) -> TlsError {
    TlsError::Unreadable { what, path: path.to_owned(), cause: cause.to_string() }
}
