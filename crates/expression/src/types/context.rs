//! `context` and what it holds, but for the messages.

use std::sync::Arc;

use super::certificate::Certificate;
use super::{Array, Definition, Dictionary, Form, Id, member, pure};
use crate::class::Type;
use crate::context::{self, Side};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::time::{DateTime, TimeSpan};
use crate::value::{Enumeration, Object, Part, PartOf, Value};

const INTERFACE: Definition = Definition { form: Form::Interface, ..Definition::NEW };

/// The objects of the context are those that the gateway holds.
macro_rules! objects {
    ($($object:ident => $id:ident),* $(,)?) => {
        $(impl Object for context::$object {
            fn class(&self) -> Type {
                Type::Plain(Id::$id)
            }
        })*
    };
}

objects!(
    Api => IContextApi,
    Operation => IOperation,
    Product => IProduct,
    Subscription => ISubscription,
    User => IUser,
    Group => IGroup,
    UserIdentity => IUserIdentity,
    Deployment => IDeployment,
    Workspace => IWorkspace,
    Backend => IBackend,
);

fn shared<T: Object>(object: Option<&Arc<T>>) -> Result<Value, Thrown> {
    Ok(object.map_or(Value::Null, |o| Value::handle(Arc::clone(o) as Arc<dyn Object>)))
}

fn sequence<T: Object>(class: Id, objects: &[Arc<T>]) -> Value {
    let items = objects.iter().map(|o| Value::handle(Arc::clone(o) as Arc<dyn Object>)).collect();
    Value::object(Array::new(Type::Plain(class), items))
}

fn part(part: PartOf) -> Result<Value, Thrown> {
    Ok(Value::Part(Part(part)))
}

fn text(text: &Arc<str>) -> Result<Value, Thrown> {
    Ok(Value::String(Arc::clone(text)))
}

fn date(time: std::time::SystemTime) -> Value {
    Value::DateTime(DateTime::from_system(time))
}

pub(super) const CONTEXT: Definition = Definition {
    name: "IContext",
    aliases: &["IProxyRequestContext"],
    members: &[
        member("Api: IContextApi", |c| shared(c.machine.context.api())),
        member("Backend: IBackend", |c| shared(c.machine.context.backend())),
        member("Deployment: IDeployment", |c| shared(Some(c.machine.context.deployment()))),
        member("Elapsed: TimeSpan", |c| Ok(Value::TimeSpan(TimeSpan::from(c.machine.context.elapsed())))),
        member("LastError: ILastError", |c| {
            if c.machine.context.last_error().is_none() { Ok(Value::Null) } else { part(PartOf::LastError) }
        }),
        member("Operation: IOperation", |c| shared(c.machine.context.operation())),
        member("Product: IProduct", |c| shared(c.machine.context.product())),
        pure("Request: IRequest", |_| part(PartOf::Message(Side::Request))),
        member("RequestId: Guid", |c| Ok(Value::Guid(c.machine.context.request_id()))),
        member("Response: IResponse", |c| {
            if c.machine.context.status().is_none() {
                Ok(Value::Null)
            } else {
                part(PartOf::Message(Side::Response))
            }
        }),
        member("Subscription: ISubscription", |c| shared(c.machine.context.subscription())),
        member("Timestamp: DateTime", |c| Ok(date(c.machine.context.timestamp()))),
        member("Tracing: bool", |c| Ok(Value::Boolean(c.machine.context.tracing()))),
        member("User: IUser", |c| shared(c.machine.context.user())),
        pure("Variables: IReadOnlyDictionary<string, object>", |_| part(PartOf::Variables)),
        member("Workspace: IWorkspace", |c| shared(c.machine.context.workspace())),
        member("Trace(string)", |c| {
            let message = c.get(1).to_text();
            c.machine.allocate(message.len())?;
            c.machine.context.trace(&message);
            Ok(Value::Null)
        }),
    ],
    ..INTERFACE
};

fn api<'a>(c: &Call<'a, '_>) -> Result<&'a context::Api, Thrown> {
    c.object(0)
}

pub(super) const API: Definition = Definition {
    name: "IApi",
    members: &[
        member("Id: string", |c| text(&api(c)?.id)),
        member("Name: string", |c| text(&api(c)?.name)),
        member("Path: string", |c| text(&api(c)?.path)),
        member("Protocols: IEnumerable<string>", |c| Ok(Value::strings(api(c)?.protocols.iter().cloned()))),
        member("ServiceUrl: IUrl", |c| {
            Ok(api(c)?
                .service_url
                .as_ref()
                .map_or(Value::Null, |u| Value::object(super::messages::UrlObject(Arc::clone(u)))))
        }),
        member("SubscriptionKeyParameterNames: ISubscriptionKeyParameterNames", |c| {
            Ok(Value::object(Parameters(c.shared::<context::Api>(0)?)))
        }),
    ],
    ..INTERFACE
};

pub(super) const CONTEXT_API: Definition = Definition {
    name: "IContextApi",
    bases: &["IApi"],
    members: &[
        member("IsCurrentRevision: bool", |c| Ok(Value::Boolean(api(c)?.is_current_revision))),
        member("IsRevisionCurrent: bool", |c| Ok(Value::Boolean(api(c)?.is_current_revision))),
        member("Revision: string", |c| text(&api(c)?.revision)),
        member("Version: string", |c| text(&api(c)?.version)),
    ],
    ..INTERFACE
};

/// Where an API takes its key from.
struct Parameters(Arc<context::Api>);

impl Object for Parameters {
    fn class(&self) -> Type {
        Type::Plain(Id::ISubscriptionKeyParameterNames)
    }
}

pub(super) const SUBSCRIPTION_KEY_PARAMETER_NAMES: Definition = Definition {
    name: "ISubscriptionKeyParameterNames",
    members: &[
        member("Header: string", |c| text(&c.object::<Parameters>(0)?.0.subscription_header_name)),
        member("Query: string", |c| text(&c.object::<Parameters>(0)?.0.subscription_query_name)),
    ],
    ..INTERFACE
};

fn operation<'a>(c: &Call<'a, '_>) -> Result<&'a context::Operation, Thrown> {
    c.object(0)
}

pub(super) const OPERATION: Definition = Definition {
    name: "IOperation",
    members: &[
        member("Id: string", |c| text(&operation(c)?.id)),
        member("Method: string", |c| text(&operation(c)?.method)),
        member("Name: string", |c| text(&operation(c)?.name)),
        member("UrlTemplate: string", |c| text(&operation(c)?.url_template)),
    ],
    ..INTERFACE
};

fn product<'a>(c: &Call<'a, '_>) -> Result<&'a context::Product, Thrown> {
    c.object(0)
}

pub(super) const PRODUCT: Definition = Definition {
    name: "IProduct",
    members: &[
        member("Apis: IEnumerable<IApi>", |c| Ok(sequence(Id::IContextApi, &product(c)?.apis))),
        member("ApprovalRequired: bool", |c| Ok(Value::Boolean(product(c)?.approval_required))),
        member("Groups: IEnumerable<IGroup>", |c| Ok(sequence(Id::IGroup, &product(c)?.groups))),
        member("Id: string", |c| text(&product(c)?.id)),
        member("Name: string", |c| text(&product(c)?.name)),
        member("State: ProductState", |c| {
            Ok(Value::Enumeration(Enumeration {
                id: Id::ProductState,
                number: i64::from(product(c)?.published),
            }))
        }),
        member("SubscriptionLimit: int?", |c| {
            Ok(product(c)?.subscription_limit.map_or(Value::Null, Value::Int32))
        }),
        member("SubscriptionsLimit: int?", |c| {
            Ok(product(c)?.subscription_limit.map_or(Value::Null, Value::Int32))
        }),
        member("SubscriptionRequired: bool", |c| Ok(Value::Boolean(product(c)?.subscription_required))),
    ],
    ..INTERFACE
};

fn subscription<'a>(c: &Call<'a, '_>) -> Result<&'a context::Subscription, Thrown> {
    c.object(0)
}

pub(super) const SUBSCRIPTION: Definition = Definition {
    name: "ISubscription",
    members: &[
        member("CreatedDate: DateTime", |c| Ok(date(subscription(c)?.created))),
        member("CreatedTime: DateTime", |c| Ok(date(subscription(c)?.created))),
        member("EndDate: DateTime?", |c| Ok(subscription(c)?.end.map_or(Value::Null, date))),
        member("Id: string", |c| text(&subscription(c)?.id)),
        member("Key: string", |c| text(&subscription(c)?.key)),
        member("Name: string", |c| text(&subscription(c)?.name)),
        member("PrimaryKey: string", |c| text(&subscription(c)?.primary_key)),
        member("SecondaryKey: string", |c| text(&subscription(c)?.secondary_key)),
        member("StartDate: DateTime?", |c| Ok(subscription(c)?.start.map_or(Value::Null, date))),
    ],
    ..INTERFACE
};

fn user<'a>(c: &Call<'a, '_>) -> Result<&'a context::User, Thrown> {
    c.object(0)
}

pub(super) const USER: Definition = Definition {
    name: "IUser",
    members: &[
        member("Email: string", |c| text(&user(c)?.email)),
        member("FirstName: string", |c| text(&user(c)?.first_name)),
        member("Groups: IEnumerable<IGroup>", |c| Ok(sequence(Id::IGroup, &user(c)?.groups))),
        member("Id: string", |c| text(&user(c)?.id)),
        member("Identities: IEnumerable<IUserIdentity>", |c| {
            Ok(sequence(Id::IUserIdentity, &user(c)?.identities))
        }),
        member("LastName: string", |c| text(&user(c)?.last_name)),
        member("Note: string", |c| text(&user(c)?.note)),
        member("RegistrationDate: DateTime", |c| Ok(date(user(c)?.registered))),
    ],
    ..INTERFACE
};

pub(super) const GROUP: Definition = Definition {
    name: "IGroup",
    members: &[
        member("Id: string", |c| text(&c.object::<context::Group>(0)?.id)),
        member("Name: string", |c| text(&c.object::<context::Group>(0)?.name)),
    ],
    ..INTERFACE
};

pub(super) const USER_IDENTITY: Definition = Definition {
    name: "IUserIdentity",
    members: &[
        member("Id: string", |c| text(&c.object::<context::UserIdentity>(0)?.id)),
        member("Provider: string", |c| text(&c.object::<context::UserIdentity>(0)?.provider)),
    ],
    ..INTERFACE
};

fn deployment<'a>(c: &Call<'a, '_>) -> Result<&'a context::Deployment, Thrown> {
    c.object(0)
}

pub(super) const DEPLOYMENT: Definition = Definition {
    name: "IDeployment",
    members: &[
        member("Certificates: IReadOnlyDictionary<string, X509Certificate2>", |c| {
            let map = Dictionary::new(Type::STRING, Type::Plain(Id::X509Certificate2), true);
            for (id, certificate) in &deployment(c)?.certificates {
                map.set(Value::String(Arc::clone(id)), Value::object(Certificate(certificate.clone())));
            }
            Ok(Value::object(map))
        }),
        member("Gateway: IGateway", |c| Ok(Value::object(Gateway(c.shared(0)?)))),
        member("GatewayId: string", |c| text(&deployment(c)?.gateway_id)),
        member("Region: string", |c| text(&deployment(c)?.region)),
        member("ServiceId: string", |c| text(&deployment(c)?.service_id)),
        member("ServiceName: string", |c| text(&deployment(c)?.service_name)),
    ],
    ..INTERFACE
};

/// The gateway of a deployment.
struct Gateway(Arc<context::Deployment>);

impl Object for Gateway {
    fn class(&self) -> Type {
        Type::Plain(Id::IGateway)
    }
}

pub(super) const GATEWAY: Definition = Definition {
    name: "IGateway",
    members: &[
        member("Id: string", |c| text(&c.object::<Gateway>(0)?.0.gateway_id)),
        member("InstanceId: string", |c| text(&c.object::<Gateway>(0)?.0.gateway_instance_id)),
        member("IsManaged: bool", |c| Ok(Value::Boolean(c.object::<Gateway>(0)?.0.gateway_is_managed))),
    ],
    ..INTERFACE
};

fn error(c: &Call<'_, '_>, read: impl Fn(&context::LastError) -> Option<Arc<str>>) -> Result<Value, Thrown> {
    match c.machine.context.last_error() {
        Some(error) => Ok(Value::text_or_null(read(error))),
        None => Err(Thrown::null_reference()),
    }
}

pub(super) const LAST_ERROR: Definition = Definition {
    name: "ILastError",
    members: &[
        member("Source: string", |c| error(c, |e| Some(Arc::clone(&e.source)))),
        member("Reason: string", |c| error(c, |e| e.reason.clone())),
        member("Message: string", |c| error(c, |e| Some(Arc::clone(&e.message)))),
        member("Scope: string", |c| error(c, |e| e.scope.clone())),
        member("Section: string", |c| error(c, |e| e.section.clone())),
        member("Path: string", |c| error(c, |e| e.path.clone())),
        member("PolicyId: string", |c| error(c, |e| e.policy_id.clone())),
        member("HttpErrorCode: int", |c| match c.machine.context.last_error() {
            Some(error) => Ok(Value::Int32(i32::from(error.http_error_code.unwrap_or(0)))),
            None => Err(Thrown::null_reference()),
        }),
    ],
    ..INTERFACE
};

pub(super) const WORKSPACE: Definition = Definition {
    name: "IWorkspace",
    members: &[
        member("Id: string", |c| text(&c.object::<context::Workspace>(0)?.id)),
        member("Name: string", |c| text(&c.object::<context::Workspace>(0)?.name)),
    ],
    ..INTERFACE
};

pub(super) const BACKEND: Definition = Definition {
    name: "IBackend",
    members: &[
        member("Id: string", |c| text(&c.object::<context::Backend>(0)?.id)),
        member("Type: string", |c| text(&c.object::<context::Backend>(0)?.kind)),
        member("AzureRegion: string", |c| {
            Ok(Value::text_or_null(c.object::<context::Backend>(0)?.azure_region.clone()))
        }),
    ],
    ..INTERFACE
};

/// No exchange has one here; the member is there so that a policy may ask.
pub(super) const PRIVATE_ENDPOINT_CONNECTION: Definition = Definition {
    name: "IPrivateEndpointConnection",
    members: &[
        member("Name: string", |_| Ok(Value::Null)),
        member("GroupId: string", |_| Ok(Value::Null)),
        member("MemberName: string", |_| Ok(Value::Null)),
    ],
    ..INTERFACE
};
