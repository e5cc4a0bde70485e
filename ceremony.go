package holdfast

import "time"

// SigningKind says which of the two files of a key ceremony one is.
type SigningKind string

const (
	KeyRequest  SigningKind = "ksr" // a key signing request: what the ZSK operator wants signed
	KeyResponse SigningKind = "skr" // a signed key response: what the KSK operator made of it
)

// KeySigning is a key signing request or a signed key response of the root: the
// DNSKEY RRsets of a quarter, in bundles of about ten days, each with the
// signatures that it is to be published with. Nothing in it is verified.
type KeySigning struct {
	Kind   SigningKind `json:"kind"`
	File   string      `json:"file,omitempty"`
	ID     string      `json:"id"` // the same in a response as in its request
	Serial uint64      `json:"serial"`
	Zone   Name        `json:"zone"`
	Made   time.Time   `json:"made,omitzero"` // where the file says
	// The operators' policies; KSK is nil in a request.
	KSK     *SigningPolicy `json:"ksk_policy,omitempty"`
	ZSK     *SigningPolicy `json:"zsk_policy,omitempty"`
	Bundles []KeyBundle    `json:"bundles"` // in the order of the file
}

// SigningPolicy is what an operator binds itself to.
type SigningPolicy struct {
	PublishSafety time.Duration            `json:"publish_safety_ns"` // how long a key is published before it signs
	RetireSafety  time.Duration            `json:"retire_safety_ns"`  // how long after
	MinValidity   time.Duration            `json:"min_validity_ns"`   // of a signature
	MaxValidity   time.Duration            `json:"max_validity_ns"`
	MinOverlap    time.Duration            `json:"min_overlap_ns"` // of a bundle's signatures with the next one's
	MaxOverlap    time.Duration            `json:"max_overlap_ns"`
	Algorithms    []SigningPolicyAlgorithm `json:"algorithms"`
}

// SigningPolicyAlgorithm is an algorithm that a policy allows.
type SigningPolicyAlgorithm struct {
	Algorithm uint8  `json:"algorithm"`
	Bits      int    `json:"bits,omitempty"`     // where the file says
	Exponent  uint64 `json:"exponent,omitempty"` // RSA only
}

// KeyBundle is one DNSKEY RRset of a ceremony: in a response with the KSK's
// signatures over it, in a request with those by which each ZSK proves that its
// private half is there.
type KeyBundle struct {
	ID         string    `json:"id"`
	Inception  time.Time `json:"inception"`
	Expiration time.Time `json:"expiration"`
	// Signers are the identifiers of keys that a request asks to sign; none:
	// the KSK operator decides.
	Signers    []string          `json:"signers,omitempty"`
	Keys       []BundleKey       `json:"keys"`
	Signatures []BundleSignature `json:"signatures"`
	Place      string            `json:"place,omitempty"` // FILE:LINE
}

// BundleKey is a DNSKEY record of a bundle.
type BundleKey struct {
	Identifier string `json:"identifier,omitempty"`
	Tag        uint16 `json:"tag"` // as the file says; with REVOKE where Flags has it
	TTL        uint32 `json:"ttl"`
	Flags      uint16 `json:"flags"`
	Protocol   uint8  `json:"protocol"`
	Algorithm  uint8  `json:"algorithm"`
	Public     []byte `json:"public"`
}

// SEP says whether the key is one of the KSK operator's (RFC 4034 section
// 2.1.1); Revoked whether it is published with REVOKE (RFC 5011 section 2.1).
func (k BundleKey) SEP() bool { return k.Flags&1 != 0 }

// Revoked: see SEP.
func (k BundleKey) Revoked() bool { return k.Flags&0x80 != 0 }

// BundleSignature is an RRSIG record of a bundle.
type BundleSignature struct {
	Identifier  string    `json:"identifier,omitempty"` // of the key that made it
	TTL         uint32    `json:"ttl"`
	Covered     string    `json:"covered"` // DNSKEY
	Algorithm   uint8     `json:"algorithm"`
	Labels      uint8     `json:"labels"`
	OriginalTTL uint32    `json:"original_ttl"`
	Inception   time.Time `json:"inception"`
	Expiration  time.Time `json:"expiration"`
	Tag         uint16    `json:"tag"`
	Signer      Name      `json:"signer"`
	Data        []byte    `json:"data"`
}

// PhaseSlot is what the KSK operator does with its keys in one bundle: which
// are published, which sign, and which are published with REVOKE. A revoked key
// is not among those published.
type PhaseSlot struct {
	Publish []string `json:"publish"`
	Sign    []string `json:"sign"`
	Revoke  []string `json:"revoke,omitempty"`
}

// PhaseSchema is a quarter of the KSK operator's work by the name that its
// tools give it: normal, pre-publish, rollover, revoke.
type PhaseSchema struct {
	Name  string      `json:"name"`
	Slots []PhaseSlot `json:"slots"` // the first is slot 1
}

// CeremonyKey is a key of the KSK operator's inventory.
type CeremonyKey struct {
	Name        string    `json:"name"` // by which schemas speak of it: ksk_current
	Description string    `json:"description,omitempty"`
	Label       string    `json:"label"` // Klajeyz
	Tag         uint16    `json:"tag"`
	Algorithm   uint8     `json:"algorithm"`
	Bits        int       `json:"bits,omitempty"`
	Exponent    uint64    `json:"exponent,omitempty"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until,omitzero"`
	DS          []byte    `json:"ds,omitempty"` // SHA-256
}

// CeremonyPlan is the KSK operator's configuration, as far as it says how keys
// are rolled.
type CeremonyPlan struct {
	File    string         `json:"file,omitempty"`
	Keys    []CeremonyKey  `json:"keys"`    // by name
	Schemas []PhaseSchema  `json:"schemas"` // by name
	Policy  *SigningPolicy `json:"ksk_policy,omitempty"`
	TTL     uint32         `json:"ttl,omitempty"` // of the DNSKEY RRset, where the file says
}

// Schema finds a schema by its name.
func (p CeremonyPlan) Schema(name string) (PhaseSchema, bool) {
	for _, s := range p.Schemas {
		if s.Name == name {
			return s, true
		}
	}
	return PhaseSchema{}, false
}
