package holdfast

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Status is the security status of a zone or of one of its servers: the four
// of RFC 4035 section 4.3, and unreachable where nothing answered us.
type Status string

const (
	Secure        Status = "secure"
	Insecure      Status = "insecure"
	Bogus         Status = "bogus"
	Indeterminate Status = "indeterminate" // we lack what we would need to say
	Unreached     Status = "unreachable"   // no server answered us
)

// Severity says how bad a finding is, by who breaks.
type Severity int

const (
	SeverityInfo     Severity = iota // worth knowing
	SeverityNotice                   //  nobody breaks; a habit to mend
	SeverityWarning                  // nobody breaks yet
	SeverityError                    // some break, or all will within days
	SeverityCritical                 // everyone breaks, or will within hours
)

var severityNames = [...]string{"info", "notice", "warning", "error", "critical"}

func (s Severity) String() string {
	if s < SeverityInfo || s > SeverityCritical {
		return fmt.Sprintf("severity(%d)", int(s))
	}
	return severityNames[s]
}

// ParseSeverity reads what String writes, in any case.
func ParseSeverity(text string) (Severity, error) {
	for i, name := range severityNames {
		if strings.EqualFold(text, name) {
			return Severity(i), nil
		}
	}
	return 0, fmt.Errorf("severity %q: want one of %s", text, strings.Join(severityNames[:], ", "))
}

func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Severity) UnmarshalText(text []byte) error {
	parsed, err := ParseSeverity(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// Class names a sort of RRset whose signatures live and die together in a
// zone: the type's mnemonic, and "DENIAL" for NSEC or NSEC3 with the SOA of
// negative answers counted under "SOA".
type Class string

const (
	ClassSOA        Class = "SOA"
	ClassNS         Class = "NS"
	ClassDNSKEY     Class = "DNSKEY"
	ClassDS         Class = "DS"     // the zone's DS (or proof of none), in the parent
	ClassDenial     Class = "DENIAL" // NSEC or NSEC3 records
	ClassNSEC3PARAM Class = "NSEC3PARAM"
	ClassCDS        Class = "CDS"
	ClassCDNSKEY    Class = "CDNSKEY"
)

// Finding is one thing that a check has to say about a zone.
type Finding struct {
	Code     string   `json:"code"` // permanent: "SIG-01"
	Name     string   `json:"name"` // "signature-expired"
	Severity Severity `json:"severity"`
	Zone     Name     `json:"zone"`
	// Server is the one spoken of; zero where the finding is about the zone.
	// In JSON its name is the key server, its address the key address.
	Server Server `json:"-"`
	RRset  Class  `json:"rrset,omitempty"`
	// Text is one sentence for people, without a final dot and without the
	// code. It must not hold anything that changes from sweep to sweep
	// (remaining seconds, round-trip times): identity is Key, but a text that
	// keeps changing reads as noise. Instants are fine.
	Text      string    `json:"text"`
	Reference string    `json:"reference"`       // the clause: "RFC 4035 section 5.3.1"
	EDE       int       `json:"ede,omitempty"`   // RFC 8914 info-code; 0 where none fits
	Until     time.Time `json:"until,omitzero"`  // the instant at which what it warns of happens (or happened)
	Evidence  []int     `json:"evidence"`        // indexes into Measurement.Exchanges
	Count     int       `json:"count,omitempty"` // how many records or servers, where more than one is meant
}

// flat is a finding as JSON has it: its server's name and address stand beside
// the other keys.
type flat struct {
	Code      string     `json:"code"`
	Name      string     `json:"name"`
	Severity  Severity   `json:"severity"`
	Zone      Name       `json:"zone"`
	Server    Name       `json:"server,omitempty"`
	Address   netip.Addr `json:"address,omitzero"`
	RRset     Class      `json:"rrset,omitempty"`
	Text      string     `json:"text"`
	Reference string     `json:"reference"`
	EDE       int        `json:"ede,omitempty"`
	Until     time.Time  `json:"until,omitzero"`
	Evidence  []int      `json:"evidence"`
	Count     int        `json:"count,omitempty"`
}

func (f Finding) flat() flat {
	return flat{f.Code, f.Name, f.Severity, f.Zone, f.Server.Name, f.Server.Address, f.RRset, f.Text, f.Reference, f.EDE, f.Until, f.Evidence, f.Count}
}

func (f flat) finding() Finding {
	return Finding{f.Code, f.Name, f.Severity, f.Zone, Server{f.Server, f.Address}, f.RRset, f.Text, f.Reference, f.EDE, f.Until, f.Evidence, f.Count}
}

// MarshalJSON writes the finding with server and address as keys of their own.
func (f Finding) MarshalJSON() ([]byte, error) { return json.Marshal(f.flat()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Finding) UnmarshalJSON(text []byte) error {
	var read flat
	err := json.Unmarshal(text, &read)
	*f = read.finding()
	return err
}

// Key identifies a finding over time: the same trouble in the next sweep has
// the same key, whatever its text or severity.
func (f Finding) Key() string {
	server := ""
	if f.Server != (Server{}) {
		server = string(f.Server.Name) + "/" + f.Server.Address.String()
	}
	return f.Code + "|" + string(f.Zone) + "|" + server + "|" + string(f.RRset)
}

// Window is the life of the signatures over one RRset class at one server, as
// a validator sees it: of all signatures that verify under a trusted key, the
// one that dies last decides.
type Window struct {
	Server     Server    `json:"server"` // a parent's server for ClassDS
	Class      Class     `json:"class"`
	Inception  time.Time `json:"inception"`
	Expiration time.Time `json:"expiration"` // when the last usable signature dies
	KeyTag     uint16    `json:"key_tag"`
	Algorithm  uint8     `json:"algorithm"`
	Signer     Name      `json:"signer"`
	TTL        uint32    `json:"ttl"`
}

// ServerVerdict is what one server's evidence means at an instant.
type ServerVerdict struct {
	Server
	Status  Status        `json:"status"`
	EDE     int           `json:"ede,omitempty"`
	FailsAt time.Time     `json:"fails_at,omitzero"` // zero: nothing to expire
	FailsBy Class         `json:"fails_by,omitempty"`
	Serial  uint32        `json:"serial"`
	Known   bool          `json:"serial_known"` // an SOA was seen
	RTT     time.Duration `json:"rtt_ns,omitempty"`
	Reason  string        `json:"reason,omitempty"` // why it is not secure, for people
}

// Algorithms are DNSSEC algorithm numbers (IANA, "DNS Security Algorithm
// Numbers"). In JSON they are a list of numbers; a plain []uint8 would be
// written as base64.
type Algorithms []uint8

// MarshalJSON writes a list of numbers.
func (a Algorithms) MarshalJSON() ([]byte, error) {
	numbers := make([]int, len(a))
	for i, algorithm := range a {
		numbers[i] = int(algorithm)
	}
	return json.Marshal(numbers)
}

// UnmarshalJSON reads a list of numbers from 0 to 255.
func (a *Algorithms) UnmarshalJSON(text []byte) error {
	var numbers []uint16
	if err := json.Unmarshal(text, &numbers); err != nil {
		return fmt.Errorf("algorithms: %w", err)
	}
	out := make(Algorithms, len(numbers))
	for i, n := range numbers {
		if n > 255 {
			return fmt.Errorf("algorithms: %d is not an algorithm number", n)
		}
		out[i] = uint8(n)
	}
	*a = out
	return nil
}

// Verdict is what a measurement means at an instant, under a catalogue and
// trust anchors. The same inputs give the same verdict, for ever.
type Verdict struct {
	Zone        Name            `json:"zone"`
	Measurement string          `json:"measurement"`
	Depth       Depth           `json:"depth"`
	At          time.Time       `json:"at"`
	Catalogue   string          `json:"catalogue"`
	Status      Status          `json:"status"`
	EDE         int             `json:"ede,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	FailsAt     time.Time       `json:"fails_at,omitzero"`
	FailsBy     Class           `json:"fails_by,omitempty"`
	Algorithms  Algorithms      `json:"algorithms,omitempty"` // of the DNSKEY RRset, sorted
	Servers     []ServerVerdict `json:"servers"`
	Windows     []Window        `json:"windows,omitempty"`
	Findings    []Finding       `json:"findings"`
	// Suppressed lists checks that were not run because another's failure makes
	// them meaningless: code to the code of the cause.
	Suppressed map[string]string `json:"suppressed,omitempty"`
	// Holds is the first instant at which the same evidence may mean something
	// else, by the clock alone; zero: never. It is not recorded.
	Holds time.Time `json:"-"`
}

// Worst is the highest severity among the findings, SeverityInfo where there are none.
func (v Verdict) Worst() Severity {
	worst := SeverityInfo
	for _, f := range v.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}
