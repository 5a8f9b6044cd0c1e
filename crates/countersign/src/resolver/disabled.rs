//! The same without the feature: there are no such secrets.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::endpoint::Endpoint;
use crate::rejection::RejectionKind;
use crate::request_head::RequestHead;
use crate::runtime::Runtime;
use crate::verifier::Incoming;

pub(crate) enum Lookups {}

impl Lookups {
    pub(crate) fn show(&self, _: &Endpoint) {
        match *self {}
    }
}

pub(crate) enum Resolving {}

impl Resolving {
    pub(crate) fn new(
        lookups: &Arc<Lookups>,
        _: &Endpoint,
        _: &(impl RequestHead + ?Sized),
        _: Option<Runtime>,
    ) -> Box<Self> {
        match **lookups {}
    }

    pub(crate) fn poll_secrets(
        &mut self,
        _: &mut Context<'_>,
        _: &mut Incoming,
    ) -> Poll<Result<(), RejectionKind>> {
        match *self {}
    }

    pub(crate) fn poll_proof(
        &mut self,
        _: &mut Context<'_>,
        _: &mut Incoming,
    ) -> Poll<Result<usize, RejectionKind>> {
        match *self {}
    }

    pub(crate) fn has_body(&mut self) -> &mut bool {
        match *self {}
    }
}
