//! How a provider proves a delivery.

pub(crate) mod content;
pub(crate) mod hmac;
pub(crate) mod token;

use content::SignedContent;
use hmac::Signature;
use token::Token;

/// The proof that a provider's deliveries carry.
#[derive(Clone, Debug)]
pub(crate) enum Scheme {
    Hmac { signature: Signature, content: SignedContent },
    Token(Token),
}
