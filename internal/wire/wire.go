// Package wire is the one door to the DNS library. It turns bytes into
// messages and records and back, reads record data, signs and verifies; it
// never sends. The types are the house's own, so that swapping the library is
// the work of this folder alone.
//
// Everything read from the network passes through here: whatever the bytes,
// the answer is a value or an error, never a panic.
package wire

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"github.com/holdfastdns/holdfast"
)

// Type is a resource record type's number.
type Type uint16

const (
	TypeA          = Type(dns.TypeA)
	TypeNS         = Type(dns.TypeNS)
	TypeCNAME      = Type(dns.TypeCNAME)
	TypeSOA        = Type(dns.TypeSOA)
	TypeMX         = Type(dns.TypeMX)
	TypeTXT        = Type(dns.TypeTXT)
	TypeAAAA       = Type(dns.TypeAAAA)
	TypeDNAME      = Type(dns.TypeDNAME)
	TypeOPT        = Type(dns.TypeOPT)
	TypeDS         = Type(dns.TypeDS)
	TypeRRSIG      = Type(dns.TypeRRSIG)
	TypeNSEC       = Type(dns.TypeNSEC)
	TypeDNSKEY     = Type(dns.TypeDNSKEY)
	TypeNSEC3      = Type(dns.TypeNSEC3)
	TypeNSEC3PARAM = Type(dns.TypeNSEC3PARAM)
	TypeCDS        = Type(dns.TypeCDS)
	TypeCDNSKEY    = Type(dns.TypeCDNSKEY)
	TypeCSYNC      = Type(dns.TypeCSYNC)
	TypeZONEMD     = Type(dns.TypeZONEMD)
	TypeAXFR       = Type(dns.TypeAXFR)
	TypeANY        = Type(dns.TypeANY)
)

// ClassIN is the Internet class.
const ClassIN uint16 = dns.ClassINET

// String is the type's mnemonic, or TYPE12345 (RFC 3597).
func (t Type) String() string { return dns.Type(t).String() }

// ParseType reads a mnemonic or TYPE12345.
func ParseType(s string) (Type, error) {
	if t, ok := dns.StringToType[s]; ok {
		return Type(t), nil
	}
	var n uint16
	if _, err := fmt.Sscanf(s, "TYPE%d", &n); err == nil {
		return Type(n), nil
	}
	return 0, fmt.Errorf("%q is not a record type", s)
}

// Response codes (RFC 1035 section 4.1.1, RFC 6895).
const (
	NoError  = dns.RcodeSuccess
	FormErr  = dns.RcodeFormatError
	ServFail = dns.RcodeServerFailure
	NXDomain = dns.RcodeNameError
	NotImp   = dns.RcodeNotImplemented
	Refused  = dns.RcodeRefused
	NotAuth  = dns.RcodeNotAuth
	BadVers  = dns.RcodeBadVers
)

// RcodeName is the response code's mnemonic.
func RcodeName(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return fmt.Sprintf("RCODE%d", rcode)
}

// Record is a resource record. Data is the RDATA as it stands on the wire with
// its names uncompressed, in the case in which they came. Records are values:
// nothing in the house writes to Data after it was made.
type Record struct {
	Name  holdfast.Name
	Type  Type
	Class uint16
	TTL   uint32
	Data  []byte
}

// Message is a DNS message.
type Message struct {
	ID                 uint16
	Response           bool
	Opcode             int
	Authoritative      bool
	Truncated          bool
	RecursionDesired   bool
	RecursionAvailable bool
	AuthenticatedData  bool
	CheckingDisabled   bool
	Rcode              int // extended by EDNS (RFC 6891 section 6.1.3)
	Question           []holdfast.Question
	Answer             []Record
	Authority          []Record
	Additional         []Record // without the OPT record
	EDNS               *EDNS    // nil where the message has no OPT record
}

// EDNS is what an OPT record says (RFC 6891).
type EDNS struct {
	Version uint8
	UDPSize uint16
	DO      bool
	NSID    []byte          // RFC 5001; in a query, empty and not nil asks for it
	EDE     []ExtendedError // RFC 8914
}

// ExtendedError is one extended DNS error option (RFC 8914).
type ExtendedError struct {
	Code uint16
	Text string
}

var (
	errShort    = errors.New("ends before its time")
	errTrailing = errors.New("has bytes left over")
	errNoOwner  = errors.New("has no owner name")
)

// Pack writes the message, names compressed.
func (m *Message) Pack() ([]byte, error) {
	out := dns.Msg{MsgHdr: dns.MsgHdr{
		Id: m.ID, Response: m.Response, Opcode: m.Opcode,
		Authoritative: m.Authoritative, Truncated: m.Truncated,
		RecursionDesired: m.RecursionDesired, RecursionAvailable: m.RecursionAvailable,
		AuthenticatedData: m.AuthenticatedData, CheckingDisabled: m.CheckingDisabled,
		Rcode: m.Rcode,
	}, Compress: true}
	for _, q := range m.Question {
		out.Question = append(out.Question, dns.Question{Name: string(q.Name), Qtype: q.Type, Qclass: dns.ClassINET})
	}
	var err error
	if out.Answer, err = toLibraryAll(m.Answer); err != nil {
		return nil, err
	}
	if out.Ns, err = toLibraryAll(m.Authority); err != nil {
		return nil, err
	}
	if out.Extra, err = toLibraryAll(m.Additional); err != nil {
		return nil, err
	}
	if m.EDNS != nil {
		out.Extra = append(out.Extra, m.EDNS.opt())
	}
	packet, err := out.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack message: %w", err)
	}
	return packet, nil
}

// NewQuery makes a question as Holdfast asks it: RD clear, EDNS(0) with a
// payload of 1232 octets (RFC 9715), DO, and NSID.
func NewQuery(id uint16, q holdfast.Question) *Message {
	return &Message{ID: id, Question: []holdfast.Question{q}, EDNS: &EDNS{UDPSize: 1232, DO: true, NSID: []byte{}}}
}

// Matches says whether the reply answers the query: a response with the same
// id, opcode and question, names compared without regard to case (RFC 5452
// section 9.1).
func (m *Message) Matches(query *Message) bool {
	if !m.Response || m.ID != query.ID || m.Opcode != query.Opcode || len(m.Question) != len(query.Question) {
		return false
	}
	for i, q := range m.Question {
		if q != query.Question[i] {
			return false
		}
	}
	return true
}

func canonical(name string) holdfast.Name {
	return holdfast.Name(dns.CanonicalName(name))
}

func (e *EDNS) opt() *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(e.UDPSize)
	opt.SetVersion(e.Version)
	if e.DO {
		opt.SetDo()
	}
	if e.NSID != nil {
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: toHex(e.NSID)})
	}
	for _, ede := range e.EDE {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: ede.Code, ExtraText: ede.Text})
	}
	return opt
}

// Unicode is the name in U-labels, for people (RFC 5891). A label that does
// not convert stays an A-label.
func Unicode(name holdfast.Name) holdfast.UName {
	u, err := idna.Display.ToUnicode(name.Short())
	if err != nil {
		return holdfast.UName(name.Short())
	}
	return holdfast.UName(u)
}

// FromUnicode reads a name as people write it, in U-labels or A-labels.
func FromUnicode(s string) (holdfast.Name, error) {
	if a, err := idna.Lookup.ToASCII(s); err == nil {
		return holdfast.ParseName(a)
	}
	return holdfast.ParseName(s)
}

// Dig writes a message as dig prints it. It answers an error where the bytes
// are no message.
func Dig(packet []byte) (string, error) {
	var m dns.Msg
	if err := m.Unpack(packet); err != nil {
		return "", fmt.Errorf("parse message: %w", err)
	}
	return m.String(), nil
}
