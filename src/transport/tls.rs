//! How TLS is set up: roots, the client's own certificate, and what is checked.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{HttpVersion, TransportConfig, Verify};
use crate::error::Error;

/// The TLS setup of this configuration.
///
/// # Errors
/// [`Error::Configuration`] if a certificate file is of no use.
pub fn config(transport: &TransportConfig) -> Result<rustls::ClientConfig, Error> {
    let builder = tls_builder()?;
    let builder = match &transport.verify {
        Verify::Off => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(danger::AnyCertificate::new())),
        Verify::CaFile(path) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in read_certificates(path, "verify")? {
                roots
                    .add(certificate)
                    .map_err(|e| Error::Configuration(format!("verify: {path} has a certificate of no use: {e}")))?;
            }
            builder.with_root_certificates(roots)
        }
        Verify::Default => {
            let mut roots = rustls::RootCertStore::empty();
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            builder.with_root_certificates(roots)
        }
    };
    let mut tls = match &transport.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key_der = PrivateKeyDer::from_pem_file(key)
                .map_err(|e| Error::Configuration(format!("cert: no private key could be read from {key}: {e}")))?;
            builder
                .with_client_auth_cert(read_certificates(chain, "cert")?, key_der)
                .map_err(|e| Error::Configuration(format!("cert: {chain} and its key do not fit: {e}")))?
        }
    };
    tls.alpn_protocols = match transport.http {
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http2Only => vec![b"h2".to_vec()],
    };
    Ok(tls)
}

fn tls_builder() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Error> {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Configuration(format!("TLS could not be set up: {e}")))
}

/// For plain HTTP, where reading the system's roots would take milliseconds for nothing.
///
/// # Errors
/// [`Error::Configuration`] if TLS cannot be set up at all.
pub fn unused() -> Result<rustls::ClientConfig, Error> {
    static PLAIN: OnceLock<rustls::ClientConfig> = OnceLock::new();
    if let Some(made) = PLAIN.get() {
        return Ok(made.clone());
    }
    let made = tls_builder()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(PLAIN.get_or_init(|| made).clone())
}

fn read_certificates(path: &str, argument: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let refuse =
        |why: String| Error::Configuration(format!("{argument}: no certificate could be read from {path}: {why}"));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| refuse(e.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse("the file has none".into()));
    }
    Ok(certificates)
}

/// `verify=False`: any certificate will do, signatures are checked all the same.
mod danger {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub struct AnyCertificate(WebPkiSupportedAlgorithms);

    impl AnyCertificate {
        pub fn new() -> Self {
            Self(rustls::crypto::ring::default_provider().signature_verification_algorithms)
        }
    }

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.0)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.0)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.supported_schemes()
        }
    }
}
