//! Tenants behind one endpoint: each delivery names one, which is looked up. The provider's ids of events are
//! the same for both.

use crate::executor::choose;
use crate::process::SECRET;
use crate::tape::Tape;
use crate::world::Event;

/// The header that names a tenant. It is not signed.
pub const HEADER: &str = "X-Tenant";

#[derive(Debug, PartialEq, Eq)]
pub struct Tenant {
    pub name: &'static str,
    /// The same name as it is in some requests.
    other_name: &'static str,
    pub secret: &'static str,
}

pub const TENANTS: [Tenant; 2] = [
    Tenant { name: "acme", other_name: "ACME", secret: SECRET },
    Tenant { name: "globex", other_name: "Globex", secret: "the secret of the other tenant" },
];

/// A name that no tenant has.
const STRANGER: &str = "initech";

/// Whose secrets are meant by a name in a request.
pub fn named(name: &str) -> Option<&'static Tenant> {
    TENANTS.iter().find(|tenant| tenant.name.eq_ignore_ascii_case(name))
}

/// All names by which secrets may have been looked up.
pub fn names() -> impl Iterator<Item = &'static str> {
    TENANTS.iter().flat_map(|tenant| [tenant.name, tenant.other_name]).chain([STRANGER])
}

impl Event {
    /// The headers of a delivery, which may write the tenant's name in two ways.
    pub fn head(&self) -> Vec<(String, String)> {
        let name = |tenant: &Tenant| choose(|tape| tape.pick(&[tenant.name, tenant.other_name]));
        self.head_for(self.tenant.map(name))
    }

    /// With a name that is not this tenant's; nothing where there are no tenants.
    pub fn head_for_another(&self, tape: &mut Tape) -> Option<Vec<(String, String)>> {
        let own = self.tenant?;
        let other = TENANTS.iter().find(|tenant| *tenant != own).map(|tenant| tenant.name);
        let name = if tape.chance(1, 2) { other } else { Some(STRANGER) };
        Some(self.head_for(name))
    }

    fn head_for(&self, name: Option<&str>) -> Vec<(String, String)> {
        let name = name.map(|name| (HEADER.to_owned(), name.to_owned()));
        self.headers.iter().cloned().chain(name).collect()
    }
}
