//! The allowed .NET types, one file each, and the table that lists them.
//!
//! A type is its [`Definition`]: name, bases, and the signatures of its members with what they do. To allow another one,
//! write its file and add its line to the table below.

mod array;
mod big_integer;
mod bit_converter;
mod boolean;
mod certificate;
mod char;
mod cipher;
mod comparer;
mod composite;
mod context;
mod convert;
mod culture;
mod date_time;
mod date_time_offset;
mod delegate;
mod dictionary;
mod encoding;
mod enumerable;
mod enumerations;
mod enumerator;
mod exceptions;
mod floats;
mod grouping;
mod guid;
mod hash;
mod hash_set;
mod integers;
mod interfaces;
mod ip_address;
mod json_array;
mod json_convert;
mod json_object;
mod json_property;
mod json_token;
mod json_value;
mod key_value_pair;
mod late;
mod list;
mod math;
mod messages;
mod nullable;
mod object;
mod queue;
mod random;
mod regex;
mod registry;
mod rsa;
mod sequence;
mod signature;
mod stack;
mod string;
mod string_builder;
mod string_split;
mod text_io;
mod time_span;
mod time_zone;
mod tuple;
mod uri;
mod web;
mod xml_attribute;
mod xml_document;
mod xml_element;
mod xml_extensions;
mod xml_name;
mod xml_node;

pub(crate) use self::array::{Array, array_item, set_array_item};
pub(crate) use self::big_integer::BigInteger;
pub(crate) use self::composite::{composite, composite_part};
pub(crate) use self::convert::change;
pub(crate) use self::delegate::Delegate;
pub(crate) use self::dictionary::{Dictionary, entries};
pub(crate) use self::guid::guid_text;
pub(crate) use self::key_value_pair::{Pair, pair};
pub(crate) use self::late::{late_call, late_convert, late_property, unwrapped};
pub(crate) use self::list::List;
pub(crate) use self::messages::method_name;
pub(crate) use self::object::type_object;
pub(crate) use self::regex::replace_text as replace_pattern;
pub(crate) use self::registry::{Definition, Form, Kind, Member, Method, member, pure, registry};
pub(crate) use self::sequence::{Query, collection_of, open, open_pairs};
pub(crate) use self::tuple::{record_item, record_members, tuple};
pub(crate) use self::web::{html_encode, url_decode, url_encode};

/// Declares the identifiers and the table of definitions in one go.
macro_rules! table {
    ($($id:ident => $definition:path,)*) => {
        /// Every type of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub(crate) enum Id { $($id),* }

        /// Every type with its definition, in the order of [`Id`].
        pub(crate) static DEFINITIONS: &[(Id, &Definition)] = &[$((Id::$id, &$definition)),*];
    };
}

table! {
    Object => object::OBJECT,
    Void => object::VOID,
    Dynamic => object::DYNAMIC,
    Type => object::TYPE,
    Enum => object::ENUM,
    Disposable => object::DISPOSABLE,
    Nullable => nullable::NULLABLE,
    String => string::STRING,
    Boolean => boolean::BOOLEAN,
    Char => char::CHAR,
    SByte => integers::SBYTE,
    Byte => integers::BYTE,
    Int16 => integers::INT16,
    UInt16 => integers::UINT16,
    Int32 => integers::INT32,
    UInt32 => integers::UINT32,
    Int64 => integers::INT64,
    UInt64 => integers::UINT64,
    Single => floats::SINGLE,
    Double => floats::DOUBLE,
    Decimal => floats::DECIMAL,
    DateTime => date_time::DATE_TIME,
    DateTimeOffset => date_time_offset::DATE_TIME_OFFSET,
    TimeSpan => time_span::TIME_SPAN,
    TimeZoneInfo => time_zone::TIME_ZONE_INFO,
    Guid => guid::GUID,
    BigInteger => big_integer::BIG_INTEGER,
    Array => array::ARRAY,
    Func => delegate::FUNC,
    Action => delegate::ACTION,
    Tuple => tuple::TUPLE,
    ValueTuple => tuple::VALUE_TUPLE,
    Math => math::MATH,
    Convert => convert::CONVERT,
    BitConverter => bit_converter::BIT_CONVERTER,
    Random => random::RANDOM,
    Buffer => array::BUFFER,
    Environment => object::ENVIRONMENT,
    Uri => uri::URI,
    UriBuilder => uri::URI_BUILDER,
    StringComparer => comparer::STRING_COMPARER,
    CultureInfo => culture::CULTURE_INFO,
    // Collections.
    IEnumerable => interfaces::ENUMERABLE,
    IEnumerableOfT => interfaces::ENUMERABLE_OF_T,
    IEnumerator => enumerator::ENUMERATOR,
    IEnumeratorOfT => enumerator::ENUMERATOR_OF_T,
    ICollection => interfaces::COLLECTION,
    IList => interfaces::LIST,
    IReadOnlyCollection => interfaces::READ_ONLY_COLLECTION,
    IReadOnlyList => interfaces::READ_ONLY_LIST,
    IDictionary => interfaces::DICTIONARY,
    IReadOnlyDictionary => interfaces::READ_ONLY_DICTIONARY,
    ISet => interfaces::SET,
    IEqualityComparer => interfaces::EQUALITY_COMPARER,
    KeyValuePair => key_value_pair::KEY_VALUE_PAIR,
    List => list::LIST,
    Dictionary => dictionary::DICTIONARY,
    HashSet => hash_set::HASH_SET,
    Queue => queue::QUEUE,
    Stack => stack::STACK,
    IGrouping => grouping::GROUPING,
    IOrderedEnumerable => grouping::ORDERED,
    ILookup => grouping::LOOKUP,
    Enumerable => enumerable::ENUMERABLE,
    // Text.
    Encoding => encoding::ENCODING,
    Utf8Encoding => encoding::UTF8_ENCODING,
    StringBuilder => string_builder::STRING_BUILDER,
    StringReader => text_io::STRING_READER,
    StringWriter => text_io::STRING_WRITER,
    Regex => regex::REGEX,
    Capture => regex::CAPTURE,
    RegexGroup => regex::GROUP,
    Match => regex::MATCH,
    MatchCollection => regex::MATCH_COLLECTION,
    GroupCollection => regex::GROUP_COLLECTION,
    CaptureCollection => regex::CAPTURE_COLLECTION,
    // Net.
    WebUtility => web::WEB_UTILITY,
    HttpUtility => web::HTTP_UTILITY,
    IPAddress => ip_address::IP_ADDRESS,
    // Cryptography.
    HashAlgorithm => hash::HASH_ALGORITHM,
    KeyedHashAlgorithm => hash::KEYED_HASH_ALGORITHM,
    Hmac => hash::HMAC,
    HmacMd5 => hash::HMAC_MD5,
    HmacSha1 => hash::HMAC_SHA1,
    HmacSha256 => hash::HMAC_SHA256,
    HmacSha384 => hash::HMAC_SHA384,
    HmacSha512 => hash::HMAC_SHA512,
    Md5 => hash::MD5,
    Sha1 => hash::SHA1,
    Sha1Managed => hash::SHA1_MANAGED,
    Sha256 => hash::SHA256,
    Sha256Managed => hash::SHA256_MANAGED,
    Sha384 => hash::SHA384,
    Sha384Managed => hash::SHA384_MANAGED,
    Sha512 => hash::SHA512,
    Sha512Managed => hash::SHA512_MANAGED,
    HashAlgorithmName => hash::HASH_ALGORITHM_NAME,
    RandomNumberGenerator => random::RANDOM_NUMBER_GENERATOR,
    RngCryptoServiceProvider => random::RNG_CRYPTO_SERVICE_PROVIDER,
    SymmetricAlgorithm => cipher::SYMMETRIC_ALGORITHM,
    Aes => cipher::AES,
    AesManaged => cipher::AES_MANAGED,
    AesCryptoServiceProvider => cipher::AES_CRYPTO_SERVICE_PROVIDER,
    RijndaelManaged => cipher::RIJNDAEL_MANAGED,
    CryptoTransform => cipher::CRYPTO_TRANSFORM,
    AsymmetricAlgorithm => rsa::ASYMMETRIC_ALGORITHM,
    Rsa => rsa::RSA,
    RsaCryptoServiceProvider => rsa::RSA_CRYPTO_SERVICE_PROVIDER,
    RsaParameters => rsa::RSA_PARAMETERS,
    RsaSignaturePadding => rsa::RSA_SIGNATURE_PADDING,
    RsaEncryptionPadding => rsa::RSA_ENCRYPTION_PADDING,
    X509Certificate => certificate::X509_CERTIFICATE,
    X509Certificate2 => certificate::X509_CERTIFICATE2,
    X500DistinguishedName => certificate::X500_DISTINGUISHED_NAME,
    PublicKey => certificate::PUBLIC_KEY,
    Oid => certificate::OID,
    RsaCertificateExtensions => certificate::RSA_CERTIFICATE_EXTENSIONS,
    // Newtonsoft.Json.
    JsonConvert => json_convert::JSON_CONVERT,
    JToken => json_token::JTOKEN,
    JContainer => json_token::JCONTAINER,
    JObject => json_object::JOBJECT,
    JArray => json_array::JARRAY,
    JProperty => json_property::JPROPERTY,
    JValue => json_value::JVALUE,
    JRaw => json_value::JRAW,
    JsonExtensions => json_token::EXTENSIONS,
    // System.Xml.Linq.
    XObject => xml_node::XOBJECT,
    XNode => xml_node::XNODE,
    XContainer => xml_element::XCONTAINER,
    XElement => xml_element::XELEMENT,
    XDocument => xml_document::XDOCUMENT,
    XDeclaration => xml_document::XDECLARATION,
    XAttribute => xml_attribute::XATTRIBUTE,
    XName => xml_name::XNAME,
    XNamespace => xml_name::XNAMESPACE,
    XText => xml_node::XTEXT,
    XCData => xml_node::XCDATA,
    XComment => xml_node::XCOMMENT,
    XProcessingInstruction => xml_node::XPROCESSING_INSTRUCTION,
    XExtensions => xml_extensions::EXTENSIONS,
    // Enumerations.
    StringComparison => enumerations::STRING_COMPARISON,
    StringSplitOptions => enumerations::STRING_SPLIT_OPTIONS,
    MidpointRounding => enumerations::MIDPOINT_ROUNDING,
    DayOfWeek => enumerations::DAY_OF_WEEK,
    DateTimeKind => enumerations::DATE_TIME_KIND,
    DateTimeStyles => enumerations::DATE_TIME_STYLES,
    NumberStyles => enumerations::NUMBER_STYLES,
    Base64FormattingOptions => enumerations::BASE64_FORMATTING_OPTIONS,
    UriKind => enumerations::URI_KIND,
    UriPartial => enumerations::URI_PARTIAL,
    UriComponents => enumerations::URI_COMPONENTS,
    UriFormat => enumerations::URI_FORMAT,
    RegexOptions => enumerations::REGEX_OPTIONS,
    CipherMode => enumerations::CIPHER_MODE,
    PaddingMode => enumerations::PADDING_MODE,
    X509NameType => enumerations::X509_NAME_TYPE,
    X509ContentType => enumerations::X509_CONTENT_TYPE,
    AddressFamily => enumerations::ADDRESS_FAMILY,
    Formatting => enumerations::FORMATTING,
    JTokenType => enumerations::JTOKEN_TYPE,
    NullValueHandling => enumerations::NULL_VALUE_HANDLING,
    SaveOptions => enumerations::SAVE_OPTIONS,
    XmlNodeType => enumerations::XML_NODE_TYPE,
    LoadOptions => enumerations::LOAD_OPTIONS,
    ProductState => enumerations::PRODUCT_STATE,
    HttpStatusCode => enumerations::HTTP_STATUS_CODE,
    // The context object.
    IContext => context::CONTEXT,
    IApi => context::API,
    IContextApi => context::CONTEXT_API,
    IOperation => context::OPERATION,
    IProduct => context::PRODUCT,
    ISubscription => context::SUBSCRIPTION,
    IUser => context::USER,
    IGroup => context::GROUP,
    IUserIdentity => context::USER_IDENTITY,
    IDeployment => context::DEPLOYMENT,
    IGateway => context::GATEWAY,
    ILastError => context::LAST_ERROR,
    IWorkspace => context::WORKSPACE,
    IBackend => context::BACKEND,
    ISubscriptionKeyParameterNames => context::SUBSCRIPTION_KEY_PARAMETER_NAMES,
    IPrivateEndpointConnection => context::PRIVATE_ENDPOINT_CONNECTION,
    IRequest => messages::REQUEST,
    IResponse => messages::RESPONSE,
    IMessageBody => messages::MESSAGE_BODY,
    IUrl => messages::URL,
    Jwt => messages::JWT,
    Authorization => messages::AUTHORIZATION,
    BasicAuthCredentials => messages::BASIC_AUTH_CREDENTIALS,
    PolicyExtensions => messages::EXTENSIONS,
    // Exceptions.
    Exception => exceptions::EXCEPTION,
    SystemException => exceptions::SYSTEM,
    ArgumentException => exceptions::ARGUMENT,
    ArgumentNullException => exceptions::ARGUMENT_NULL,
    ArgumentOutOfRangeException => exceptions::ARGUMENT_OUT_OF_RANGE,
    ArithmeticException => exceptions::ARITHMETIC,
    CryptographicException => exceptions::CRYPTOGRAPHIC,
    DivideByZeroException => exceptions::DIVIDE_BY_ZERO,
    FormatException => exceptions::FORMAT,
    IndexOutOfRangeException => exceptions::INDEX_OUT_OF_RANGE,
    InvalidCastException => exceptions::INVALID_CAST,
    InvalidOperationException => exceptions::INVALID_OPERATION,
    JsonException => exceptions::JSON,
    JsonReaderException => exceptions::JSON_READER,
    JsonSerializationException => exceptions::JSON_SERIALIZATION,
    KeyNotFoundException => exceptions::KEY_NOT_FOUND,
    NotImplementedException => exceptions::NOT_IMPLEMENTED,
    NotSupportedException => exceptions::NOT_SUPPORTED,
    NullReferenceException => exceptions::NULL_REFERENCE,
    OverflowException => exceptions::OVERFLOW,
    RegexMatchTimeoutException => exceptions::REGEX_MATCH_TIMEOUT,
    TimeoutException => exceptions::TIMEOUT,
    TimeZoneNotFoundException => exceptions::TIME_ZONE_NOT_FOUND,
    UriFormatException => exceptions::URI_FORMAT,
    XmlException => exceptions::XML,
}
