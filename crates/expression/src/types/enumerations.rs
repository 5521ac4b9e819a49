//! The enumerations.

use super::{Definition, Form};

macro_rules! enumeration {
    ($constant:ident, $form:ident, $name:literal, [$($value:ident = $number:literal),* $(,)?]) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            form: Form::$form,
            bases: &["System.Enum"],
            values: &[$((stringify!($value), $number)),*],
            ..Definition::NEW
        };
    };
}

enumeration!(
    STRING_COMPARISON,
    Enumeration,
    "System.StringComparison",
    [
        CurrentCulture = 0,
        CurrentCultureIgnoreCase = 1,
        InvariantCulture = 2,
        InvariantCultureIgnoreCase = 3,
        Ordinal = 4,
        OrdinalIgnoreCase = 5,
    ]
);
enumeration!(
    STRING_SPLIT_OPTIONS,
    Flags,
    "System.StringSplitOptions",
    [None = 0, RemoveEmptyEntries = 1, TrimEntries = 2]
);
enumeration!(
    MIDPOINT_ROUNDING,
    Enumeration,
    "System.MidpointRounding",
    [ToEven = 0, AwayFromZero = 1, ToZero = 2, ToNegativeInfinity = 3, ToPositiveInfinity = 4,]
);
enumeration!(
    DAY_OF_WEEK,
    Enumeration,
    "System.DayOfWeek",
    [Sunday = 0, Monday = 1, Tuesday = 2, Wednesday = 3, Thursday = 4, Friday = 5, Saturday = 6,]
);
enumeration!(DATE_TIME_KIND, Enumeration, "System.DateTimeKind", [Unspecified = 0, Utc = 1, Local = 2]);
enumeration!(
    DATE_TIME_STYLES,
    Flags,
    "System.Globalization.DateTimeStyles",
    [
        None = 0,
        AllowLeadingWhite = 1,
        AllowTrailingWhite = 2,
        AllowInnerWhite = 4,
        AllowWhiteSpaces = 7,
        NoCurrentDateDefault = 8,
        AdjustToUniversal = 16,
        AssumeLocal = 32,
        AssumeUniversal = 64,
        RoundtripKind = 128,
    ]
);
enumeration!(
    NUMBER_STYLES,
    Flags,
    "System.Globalization.NumberStyles",
    [
        None = 0,
        AllowLeadingWhite = 1,
        AllowTrailingWhite = 2,
        AllowLeadingSign = 4,
        Integer = 7,
        AllowTrailingSign = 8,
        AllowParentheses = 16,
        AllowDecimalPoint = 32,
        AllowThousands = 64,
        Number = 111,
        AllowExponent = 128,
        Float = 167,
        AllowCurrencySymbol = 256,
        Currency = 383,
        Any = 511,
        AllowHexSpecifier = 512,
        HexNumber = 515,
    ]
);
enumeration!(
    BASE64_FORMATTING_OPTIONS,
    Enumeration,
    "System.Base64FormattingOptions",
    [None = 0, InsertLineBreaks = 1]
);
enumeration!(URI_KIND, Enumeration, "System.UriKind", [RelativeOrAbsolute = 0, Absolute = 1, Relative = 2]);
enumeration!(URI_PARTIAL, Enumeration, "System.UriPartial", [Scheme = 0, Authority = 1, Path = 2, Query = 3]);
enumeration!(
    URI_COMPONENTS,
    Flags,
    "System.UriComponents",
    [
        Scheme = 1,
        UserInfo = 2,
        Host = 4,
        Port = 8,
        SchemeAndServer = 13,
        Path = 16,
        Query = 32,
        PathAndQuery = 48,
        HttpRequestUrl = 61,
        Fragment = 64,
        AbsoluteUri = 127,
        StrongPort = 128,
        HostAndPort = 132,
    ]
);
enumeration!(URI_FORMAT, Enumeration, "System.UriFormat", [UriEscaped = 1, Unescaped = 2, SafeUnescaped = 3]);
enumeration!(
    REGEX_OPTIONS,
    Flags,
    "System.Text.RegularExpressions.RegexOptions",
    [
        None = 0,
        IgnoreCase = 1,
        Multiline = 2,
        ExplicitCapture = 4,
        Compiled = 8,
        Singleline = 16,
        IgnorePatternWhitespace = 32,
        RightToLeft = 64,
        ECMAScript = 256,
        CultureInvariant = 512,
    ]
);
enumeration!(
    CIPHER_MODE,
    Enumeration,
    "System.Security.Cryptography.CipherMode",
    [CBC = 1, ECB = 2, OFB = 3, CFB = 4, CTS = 5]
);
enumeration!(
    PADDING_MODE,
    Enumeration,
    "System.Security.Cryptography.PaddingMode",
    [None = 1, PKCS7 = 2, Zeros = 3, ANSIX923 = 4, ISO10126 = 5]
);
enumeration!(
    X509_NAME_TYPE,
    Enumeration,
    "System.Security.Cryptography.X509Certificates.X509NameType",
    [SimpleName = 0, EmailName = 1, UpnName = 2, DnsName = 3, DnsFromAlternativeName = 4, UrlName = 5,]
);
enumeration!(
    X509_CONTENT_TYPE,
    Enumeration,
    "System.Security.Cryptography.X509Certificates.X509ContentType",
    [
        Unknown = 0,
        Cert = 1,
        SerializedCert = 2,
        Pfx = 3,
        Pkcs12 = 3,
        SerializedStore = 4,
        Pkcs7 = 5,
        Authenticode = 6,
    ]
);
enumeration!(
    ADDRESS_FAMILY,
    Enumeration,
    "System.Net.Sockets.AddressFamily",
    [InterNetwork = 2, InterNetworkV6 = 23]
);
enumeration!(FORMATTING, Enumeration, "Newtonsoft.Json.Formatting", [None = 0, Indented = 1]);
enumeration!(
    JTOKEN_TYPE,
    Enumeration,
    "Newtonsoft.Json.Linq.JTokenType",
    [
        None = 0,
        Object = 1,
        Array = 2,
        Constructor = 3,
        Property = 4,
        Comment = 5,
        Integer = 6,
        Float = 7,
        String = 8,
        Boolean = 9,
        Null = 10,
        Undefined = 11,
        Date = 12,
        Raw = 13,
        Bytes = 14,
        Guid = 15,
        Uri = 16,
        TimeSpan = 17,
    ]
);
enumeration!(
    NULL_VALUE_HANDLING,
    Enumeration,
    "Newtonsoft.Json.NullValueHandling",
    [Include = 0, Ignore = 1]
);
enumeration!(
    SAVE_OPTIONS,
    Flags,
    "System.Xml.Linq.SaveOptions",
    [None = 0, DisableFormatting = 1, OmitDuplicateNamespaces = 2]
);
enumeration!(
    LOAD_OPTIONS,
    Flags,
    "System.Xml.Linq.LoadOptions",
    [None = 0, PreserveWhitespace = 1, SetBaseUri = 2, SetLineInfo = 4]
);
enumeration!(
    XML_NODE_TYPE,
    Enumeration,
    "System.Xml.XmlNodeType",
    [
        None = 0,
        Element = 1,
        Attribute = 2,
        Text = 3,
        CDATA = 4,
        ProcessingInstruction = 7,
        Comment = 8,
        Document = 9,
    ]
);
enumeration!(PRODUCT_STATE, Enumeration, "ProductState", [NotPublished = 0, Published = 1]);
enumeration!(
    HTTP_STATUS_CODE,
    Enumeration,
    "System.Net.HttpStatusCode",
    [
        Continue = 100,
        OK = 200,
        Created = 201,
        Accepted = 202,
        NoContent = 204,
        MovedPermanently = 301,
        Found = 302,
        NotModified = 304,
        TemporaryRedirect = 307,
        BadRequest = 400,
        Unauthorized = 401,
        Forbidden = 403,
        NotFound = 404,
        MethodNotAllowed = 405,
        Conflict = 409,
        Gone = 410,
        UnsupportedMediaType = 415,
        TooManyRequests = 429,
        InternalServerError = 500,
        NotImplemented = 501,
        BadGateway = 502,
        ServiceUnavailable = 503,
        GatewayTimeout = 504,
    ]
);
