//! The envelopes of SOAP 1.1 (section 4) and SOAP 1.2 (part 1, section 5), as schemas: one body with one element, which
//! must be declared.

/// A version of SOAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoapVersion {
    /// SOAP 1.1: `text/xml`.
    V11,
    /// SOAP 1.2: `application/soap+xml`.
    V12,
}

impl SoapVersion {
    /// The version that a content type means.
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type {
            "text/xml" => Some(Self::V11),
            "application/soap+xml" => Some(Self::V12),
            _ => None,
        }
    }

    /// The namespace of its envelopes.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }
}

/// A schema of envelopes whose bodies hold any number of elements.
pub(super) fn with_any_number(schema: &str) -> String {
    const ONE: &str = "processContents=\"strict\" />";
    const ANY: &str = "processContents=\"strict\" minOccurs=\"0\" maxOccurs=\"unbounded\" />";
    schema.replace(ONE, ANY)
}

/// The schemas of both envelopes, with the URIs that messages name them by.
pub(super) const SCHEMAS: [(&str, &str); 2] = [
    (
        r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.xmlsoap.org/soap/envelope/" targetNamespace="http://schemas.xmlsoap.org/soap/envelope/" elementFormDefault="qualified">
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header" minOccurs="0"><xs:complexType>
      <xs:sequence><xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded" /></xs:sequence>
      <xs:anyAttribute namespace="##any" processContents="lax" />
    </xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType>
      <xs:sequence><xs:any namespace="##any" processContents="strict" /></xs:sequence>
      <xs:anyAttribute namespace="##any" processContents="lax" />
    </xs:complexType></xs:element>
  </xs:sequence><xs:anyAttribute namespace="##any" processContents="lax" /></xs:complexType></xs:element>
  <xs:element name="Fault"><xs:complexType><xs:sequence>
    <xs:element name="faultcode" type="xs:QName" form="unqualified" />
    <xs:element name="faultstring" type="xs:string" form="unqualified" />
    <xs:element name="faultactor" type="xs:anyURI" form="unqualified" minOccurs="0" />
    <xs:element name="detail" form="unqualified" minOccurs="0"><xs:complexType>
      <xs:sequence><xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded" /></xs:sequence>
      <xs:anyAttribute namespace="##any" processContents="lax" />
    </xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"###,
        "soap-1.1-envelope",
    ),
    (
        r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="http://www.w3.org/2003/05/soap-envelope" xmlns:e="http://www.w3.org/2003/05/soap-envelope" targetNamespace="http://www.w3.org/2003/05/soap-envelope" elementFormDefault="qualified">
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header" minOccurs="0"><xs:complexType>
      <xs:sequence><xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded" /></xs:sequence>
      <xs:anyAttribute namespace="##any" processContents="lax" />
    </xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType>
      <xs:sequence><xs:any namespace="##any" processContents="strict" /></xs:sequence>
      <xs:anyAttribute namespace="##any" processContents="lax" />
    </xs:complexType></xs:element>
  </xs:sequence><xs:anyAttribute namespace="##any" processContents="lax" /></xs:complexType></xs:element>
  <xs:complexType name="Code"><xs:sequence>
    <xs:element name="Value" type="xs:QName" />
    <xs:element name="Subcode" type="e:Code" minOccurs="0" />
  </xs:sequence></xs:complexType>
  <xs:element name="Fault"><xs:complexType><xs:sequence>
    <xs:element name="Code" type="e:Code" />
    <xs:element name="Reason"><xs:complexType><xs:sequence>
      <xs:element name="Text" maxOccurs="unbounded"><xs:complexType><xs:simpleContent>
        <xs:extension base="xs:string"><xs:anyAttribute namespace="##any" processContents="lax" /></xs:extension>
      </xs:simpleContent></xs:complexType></xs:element>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="Node" type="xs:anyURI" minOccurs="0" />
    <xs:element name="Role" type="xs:anyURI" minOccurs="0" />
    <xs:element name="Detail" minOccurs="0"><xs:complexType>
      <xs:sequence><xs:any namespace="##any" processContents="lax" minOccurs="0" maxOccurs="unbounded" /></xs:sequence>
      <xs:anyAttribute namespace="##any" processContents="lax" />
    </xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"###,
        "soap-1.2-envelope",
    ),
];
