//! TLS, by rustls.
//!
//! `require` verifies the server's certificate, its name included, as libpq's `verify-full` does: whoever
//! asks for encryption means to be safe from those who stand in between. `prefer`, the default of URLs,
//! takes what the server offers, which may be no encryption at all; so it takes any certificate, too.

use std::path::Path;
use std::sync::Arc;

use handstamp::store::StoreErrorKind;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Failure;

/// What makes a connection a TLS connection.
pub(crate) fn connector(
    verified: bool,
    ca_file: Option<&Path>,
) -> Result<MakeRustlsConnect, Failure> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::caused(StoreErrorKind::Refused, "TLS can't be used", error))?;
    let config = if verified {
        builder.with_root_certificates(roots(ca_file)?).with_no_client_auth()
    } else {
        let any = Arc::new(AnyCertificate(provider));
        builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    };
    Ok(MakeRustlsConnect::new(config))
}

/// The certificates of a file, or else those that the operating system trusts.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let advice = || format!("{} holds no certificate in PEM format", path.display());
            let unreadable = |error| Failure::caused(StoreErrorKind::Refused, advice(), error);
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots
                    .add(certificate)
                    .map_err(|error| Failure::caused(StoreErrorKind::Refused, advice(), error))?;
            }
            if roots.is_empty() {
                return Err(Failure::new(StoreErrorKind::Refused, advice()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                let advice = "the operating system has no certificates to trust; install them \
                    (`ca-certificates`), or name a file by `PostgresOptions::ca_file`";
                return Err(Failure::new(StoreErrorKind::Refused, advice));
            }
        }
    }
    Ok(roots)
}

/// Takes any certificate. Who may turn the encryption off needs no false certificate.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
