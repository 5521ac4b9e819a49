//! .NET types as the checker and the run time know them.

use std::fmt;
use std::sync::Arc;

use crate::types::{Id, registry};

/// A closed or open .NET type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Type {
    /// `new { A = 1 }`.
    Anonymous(Arc<Shape>),
    /// `T[]`.
    Array(Arc<Type>),
    /// A generic class with its arguments.
    Generic(Id, Arc<[Type]>),
    /// The type of `null`.
    Null,
    /// The n-th type parameter of the class whose member this is.
    OfClass(u8),
    /// The n-th type parameter of a generic method.
    OfMethod(u8),
    /// Anything that takes no arguments.
    Plain(Id),
}

/// The properties of an anonymous type, or the named elements of a tuple.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) members: Vec<(Arc<str>, Type)>,
}

impl Type {
    pub(crate) const OBJECT: Self = Self::Plain(Id::Object);
    pub(crate) const STRING: Self = Self::Plain(Id::String);
    pub(crate) const BOOLEAN: Self = Self::Plain(Id::Boolean);
    pub(crate) const CHAR: Self = Self::Plain(Id::Char);
    pub(crate) const INT: Self = Self::Plain(Id::Int32);
    pub(crate) const LONG: Self = Self::Plain(Id::Int64);
    pub(crate) const DOUBLE: Self = Self::Plain(Id::Double);
    pub(crate) const BYTE: Self = Self::Plain(Id::Byte);
    pub(crate) const VOID: Self = Self::Plain(Id::Void);
    pub(crate) const TOKEN: Self = Self::Plain(Id::JToken);

    pub(crate) fn generic(id: Id, arguments: impl IntoIterator<Item = Self>) -> Self {
        Self::Generic(id, arguments.into_iter().collect())
    }

    pub(crate) fn array(of: Self) -> Self {
        Self::Array(Arc::new(of))
    }

    pub(crate) fn sequence(of: Self) -> Self {
        Self::generic(Id::IEnumerableOfT, [of])
    }

    pub(crate) fn nullable(of: Self) -> Self {
        Self::generic(Id::Nullable, [of])
    }

    /// The class that declares its members.
    pub(crate) fn id(&self) -> Id {
        match self {
            Self::Generic(id, _) | Self::Plain(id) => *id,
            Self::Array(_) => Id::Array,
            _ => Id::Object,
        }
    }

    pub(crate) fn arguments(&self) -> &[Self] {
        match self {
            Self::Generic(_, arguments) => arguments,
            _ => &[],
        }
    }

    pub(crate) fn argument(&self, index: usize) -> Self {
        self.arguments().get(index).cloned().unwrap_or(Self::OBJECT)
    }

    pub(crate) fn is(&self, id: Id) -> bool {
        matches!(self, Self::Generic(i, _) | Self::Plain(i) if *i == id)
    }

    /// `T` of `T?`.
    pub(crate) fn underlying(&self) -> Option<&Self> {
        match self {
            Self::Generic(Id::Nullable, arguments) => arguments.first(),
            _ => None,
        }
    }

    /// Itself, or `T` for `T?`.
    pub(crate) fn stripped(&self) -> &Self {
        self.underlying().unwrap_or(self)
    }

    /// Whether a value of it is never null.
    pub(crate) fn is_value(&self) -> bool {
        match self {
            Self::Plain(id) | Self::Generic(id, _) => registry().class(*id).is_value(),
            _ => false,
        }
    }

    /// Whether `null` is one of its values.
    pub(crate) fn takes_null(&self) -> bool {
        self.underlying().is_some() || !self.is_value()
    }

    pub(crate) fn is_delegate(&self) -> bool {
        matches!(self, Self::Generic(Id::Func | Id::Action, _) | Self::Plain(Id::Action))
    }

    /// Parameters and result of a delegate type.
    pub(crate) fn delegate(&self) -> Option<(&[Self], Self)> {
        match self {
            Self::Generic(Id::Func, arguments) => {
                arguments.split_last().map(|(result, parameters)| (parameters, result.clone()))
            }
            Self::Generic(Id::Action, arguments) => Some((arguments, Self::VOID)),
            Self::Plain(Id::Action) => Some((&[], Self::VOID)),
            _ => None,
        }
    }

    /// Whether a type parameter occurs in it.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::OfClass(_) | Self::OfMethod(_) => true,
            Self::Array(of) => of.is_open(),
            Self::Generic(_, arguments) => arguments.iter().any(Self::is_open),
            _ => false,
        }
    }

    /// Puts arguments for the type parameters of class and method.
    pub(crate) fn close(&self, class: &[Self], method: &[Option<Self>]) -> Self {
        match self {
            Self::OfClass(n) => class.get(usize::from(*n)).cloned().unwrap_or(Self::OBJECT),
            Self::OfMethod(n) => match method.get(usize::from(*n)) {
                Some(Some(found)) => found.clone(),
                _ => self.clone(),
            },
            Self::Array(of) => Self::array(of.close(class, method)),
            Self::Generic(id, arguments) => {
                Self::Generic(*id, arguments.iter().map(|a| a.close(class, method)).collect())
            }
            other => other.clone(),
        }
    }

    /// The types that it directly derives from or implements.
    pub(crate) fn bases(&self) -> Vec<Self> {
        match self {
            Self::Array(of) => vec![
                Self::Plain(Id::Array),
                Self::generic(Id::IList, [of.as_ref().clone()]),
                Self::generic(Id::IReadOnlyList, [of.as_ref().clone()]),
            ],
            Self::Generic(..) | Self::Plain(_) => {
                let class = registry().class(self.id());
                class.bases.iter().map(|b| b.close(self.arguments(), &[])).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Its form as `id<…>`, if it is, derives from or implements that.
    pub(crate) fn view(&self, id: Id) -> Option<Self> {
        if self.is(id) {
            return Some(self.clone());
        }
        self.bases().iter().find_map(|b| b.view(id))
    }

    /// `T` where this is an `IEnumerable<T>`.
    pub(crate) fn element(&self) -> Option<Self> {
        match self {
            Self::Array(of) => Some(of.as_ref().clone()),
            Self::Plain(Id::String) => Some(Self::CHAR),
            _ => match self.view(Id::IEnumerableOfT) {
                Some(found) => Some(found.argument(0)),
                None => self.view(Id::IEnumerable).map(|_| Self::OBJECT),
            },
        }
    }

    /// Whether a reference to it may stand where `target` is wanted (identity, base class, interface, variance, boxing).
    pub(crate) fn converts_to(&self, target: &Self) -> bool {
        if self == target || matches!(target, Self::Plain(Id::Object | Id::Dynamic)) {
            return true;
        }
        if matches!(self, Self::Null) {
            return target.takes_null();
        }
        if let (Self::Array(from), Self::Array(to)) = (self, target) {
            return !from.is_value() && !to.is_value() && from.converts_to(to);
        }
        if let (Self::Generic(from, a), Self::Generic(to, b)) = (self, target)
            && from == to
            && a.len() == b.len()
        {
            let varies = matches!(
                from,
                Id::IEnumerableOfT
                    | Id::IReadOnlyList
                    | Id::IReadOnlyCollection
                    | Id::IGrouping
                    | Id::IOrderedEnumerable
            );
            return a
                .iter()
                .zip(b.iter())
                .all(|(x, y)| x == y || varies && !x.is_value() && x.converts_to(y))
                || *from == Id::IReadOnlyDictionary
                    && a.first() == b.first()
                    && !a.iter().any(Self::is_value)
                    && a.last().zip(b.last()).is_some_and(|(x, y)| x.converts_to(y));
        }
        self.bases().iter().any(|b| b.converts_to(target))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous(_) => f.write_str("anonymous type"),
            Self::Array(of) => write!(f, "{of}[]"),
            Self::Generic(Id::Nullable, arguments) => match arguments.first() {
                Some(of) => write!(f, "{of}?"),
                None => f.write_str("Nullable"),
            },
            Self::Generic(id, arguments) => {
                f.write_str(registry().class(*id).short())?;
                for (i, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if i == 0 { "<" } else { ", " })?;
                }
                f.write_str(">")
            }
            Self::Null => f.write_str("null"),
            Self::OfClass(n) | Self::OfMethod(n) => write!(f, "T{n}"),
            Self::Plain(id) => f.write_str(registry().class(*id).short()),
        }
    }
}

impl Type {
    /// The name that `GetType().ToString()` gives, with namespaces.
    pub(crate) fn full_name(&self) -> String {
        match self {
            Self::Anonymous(shape) => format!("<>f__AnonymousType0`{}", shape.members.len()),
            Self::Array(of) => format!("{}[]", of.full_name()),
            Self::Generic(id, arguments) => {
                let names: Vec<_> = arguments.iter().map(Self::full_name).collect();
                format!("{}`{}[{}]", registry().class(*id).name, arguments.len(), names.join(","))
            }
            Self::Plain(id) => registry().class(*id).name.to_owned(),
            _ => "System.Object".to_owned(),
        }
    }
}
