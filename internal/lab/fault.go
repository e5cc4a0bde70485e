package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Kind names a fault.
type Kind string

// The faults that can be ordered; Faults says what each does.
const (
	Refuse      Kind = "refuse"
	TimeOut     Kind = "timeout"
	ServFail    Kind = "servfail"
	ConnRefused Kind = "conn-refused"
	Unreachable Kind = "unreachable"
	WrongSource Kind = "wrong-source"
	Lame        Kind = "lame"
	LameUpward  Kind = "lame-upward"
	LameEmpty   Kind = "lame-empty"
	Slow        Kind = "slow"
	Lossy       Kind = "lossy"
	Truncate    Kind = "truncate"
	TruncateUDP Kind = "truncate-udp"
	Garbage     Kind = "garbage"
	DropEDNS    Kind = "drop-edns"
	NoTCP       Kind = "no-tcp"

	Stale      Kind = "stale"
	Freeze     Kind = "freeze"
	SerialBack Kind = "serial-back"

	Expire      Kind = "expire"
	NoResign    Kind = "no-resign"
	NotYet      Kind = "not-yet"
	Break       Kind = "break"
	Strip       Kind = "strip"
	UnknownKey  Kind = "unknown-key"
	WrongSigner Kind = "wrong-signer"

	DNSKEYMissing Kind = "dnskey-missing"
	UnsignedCopy  Kind = "unsigned-copy"
	NoProof       Kind = "no-proof"
	WrongProof    Kind = "wrong-proof"
	WrongTypes    Kind = "wrong-types"
	OtherDenial   Kind = "other-denial"
	OtherParam    Kind = "other-param"
	NoSOA         Kind = "no-soa"
	CutKey        Kind = "cut-key"
	NSMismatch    Kind = "ns-mismatch"
	GlueMismatch  Kind = "glue-mismatch"

	DSMismatch    Kind = "ds-mismatch"
	DSMissing     Kind = "ds-missing"
	DSExtra       Kind = "ds-extra"
	DSUnknown     Kind = "ds-unknown"
	ParentDiffers Kind = "parent-differs"

	SplitSigner   Kind = "split-signer"
	TagCollision  Kind = "tag-collision"
	MissingDots   Kind = "missing-dots"
	ChildrenBad   Kind = "children-bad-sigs"
	SOADiffers    Kind = "soa-differs"
	SerialJump    Kind = "serial-jump"
	CutOff        Kind = "cut-off"
	AddressFlap   Kind = "address-flap"
	TTLAbove      Kind = "ttl-above"
	TwoSOAs       Kind = "two-soas"
	ZONEMDSerial  Kind = "zonemd-serial"
	ZONEMDUnknown Kind = "zonemd-unknown"
	DSReferral    Kind = "ds-referral"
	Disagree      Kind = "disagree"
	Overlap       Kind = "overlap"
	BitmapLacks   Kind = "bitmap-lacks"
	BitmapAdds    Kind = "bitmap-adds"
	DeepProof     Kind = "deep-proof"
	SigTTL        Kind = "sig-ttl"

	Upward         Kind = "upward"
	FlagsFormErr   Kind = "edns-flags-formerr"
	VersionFormErr Kind = "edns-version-formerr"
	Oversize       Kind = "oversize"
	CookieShort    Kind = "cookie-short"

	Recursive       Kind = "recursive"
	BadVersWrong    Kind = "edns-badvers-wrong"
	OptionFormErr   Kind = "edns-option-formerr"
	OptionDrop      Kind = "edns-option-drop"
	OptionEcho      Kind = "edns-option-echo"
	FlagsEcho       Kind = "edns-flags-echo"
	EDNSIgnore      Kind = "edns-ignore"
	EDNSSize        Kind = "edns-size"
	BigUDPLost      Kind = "big-udp-lost"
	CaseFold        Kind = "case-fold"
	CaseBlind       Kind = "case-blind"
	UnknownNotImp   Kind = "unknown-type-notimp"
	UnknownServFail Kind = "unknown-type-servfail"
	UnknownDrop     Kind = "unknown-type-drop"
	AAAANXDomain    Kind = "aaaa-nxdomain"
	CookieBad       Kind = "cookie-bad"
	NoCookies       Kind = "no-cookies"
	NoNSID          Kind = "no-nsid"
	NoZoneVersion   Kind = "no-zoneversion"
	AXFROpen        Kind = "axfr-open"
	Version         Kind = "version"
	HostName        Kind = "hostname"
	AnyFull         Kind = "any-full"
	QuestionsBlind  Kind = "qdcount-blind"
	ReportChannel   Kind = "report-channel"
	OverTLS         Kind = "dot"
)

// Argument is what a fault wants to be told besides whom it strikes.
type Argument int

const (
	NoArgument Argument = iota
	ClassList           // RRset classes, "SOA,NS", or "*" for all but DS
	ADuration           // "300ms", "13d"
	APercent            // "20" or "20%"
	ASize               // "1232", octets
	AText               // a word, or words within double quotes
	AName               // a domain name
)

// Doc documents one fault; docs/formats/lab.md has a line for each.
type Doc struct {
	Kind     Kind
	Argument Argument
	Instant  bool // takes "at INSTANT"
	Parent   bool // shows at the servers of the parent zone
	Whole    bool // is of the server as a whole, whatever zone is asked for
	Text     string
}

// Faults documents every fault that can be ordered.
var Faults = []Doc{
	{Kind: Refuse, Text: "answers REFUSED"},
	{Kind: TimeOut, Text: "never answers, over UDP or TCP"},
	{Kind: ServFail, Text: "answers SERVFAIL"},
	{Kind: ConnRefused, Text: "the host says that the port is closed, over UDP and TCP"},
	{Kind: Unreachable, Text: "the network says that there is no way to the host"},
	{Kind: WrongSource, Text: "answers over UDP from another address"},
	{Kind: Lame, Text: "answers rightly but without AA, as a cache would"},
	{Kind: LameUpward, Text: "answers with a referral to the root"},
	{Kind: LameEmpty, Text: "answers NOERROR with nothing in it and without AA"},
	{Kind: Slow, Argument: ADuration, Text: "answers late, by that much of real time"},
	{Kind: Lossy, Argument: APercent, Text: "loses that share of the questions over UDP"},
	{Kind: Truncate, Text: "sets TC and sends nothing else, over UDP and over TCP"},
	{Kind: TruncateUDP, Text: "sets TC over UDP; TCP gives the answer"},
	{Kind: Garbage, Text: "answers with bytes that are no DNS message behind the id"},
	{Kind: DropEDNS, Text: "answers FORMERR to a question with EDNS"},
	{Kind: NoTCP, Text: "closes its TCP port"},
	{Kind: Stale, Argument: ADuration, Text: "a secondary that lags by that much: its copy, with its signatures, is that old"},
	{Kind: Freeze, Text: "a secondary that stops transferring when the fault begins: its copy ages from then on"},
	{Kind: SerialBack, Text: "the serial falls back by a week's versions; the content and the signatures stay fresh"},
	{Kind: Expire, Argument: ClassList, Instant: true, Text: "the signatures over those classes end at the instant given, or where none is given two days before the fault begins"},
	{Kind: NoResign, Argument: ClassList, Text: "the signer stops when the fault begins: signatures over those classes are renewed no more and run out in their time"},
	{Kind: NotYet, Argument: ClassList, Instant: true, Text: "the signatures over those classes begin at the instant given, or where none is given 30 days after the fault does"},
	{Kind: Break, Argument: ClassList, Text: "the signatures over those classes do not verify"},
	{Kind: Strip, Argument: ClassList, Text: "the signatures over those classes are missing"},
	{Kind: UnknownKey, Argument: ClassList, Text: "those classes are signed by a key that is not in the DNSKEY RRset"},
	{Kind: WrongSigner, Argument: ClassList, Text: "the signatures over those classes name another zone as their signer"},
	{Kind: DNSKEYMissing, Text: "the DNSKEY RRset is gone; the signatures are still there"},
	{Kind: UnsignedCopy, Text: "a copy of the zone without anything of DNSSEC"},
	{Kind: NoProof, Text: "negative answers and referrals come without NSEC or NSEC3"},
	{Kind: WrongProof, Text: "negative answers and referrals come with an NSEC or NSEC3 that proves something else"},
	{Kind: WrongTypes, Text: "the NSEC or NSEC3 of the name asked for lists the very type that the answer denies"},
	{Kind: OtherDenial, Text: "denies with NSEC3 where the zone has NSEC, and with NSEC where it has NSEC3"},
	{Kind: OtherParam, Text: "the NSEC3PARAM has another salt than the NSEC3 records"},
	{Kind: NoSOA, Text: "negative answers come without the SOA"},
	{Kind: CutKey, Text: "the last key of the DNSKEY RRset has lost its last four octets"},
	{Kind: NSMismatch, Text: "the zone's own NS RRset lacks the last of the delegation's names (or has one more, where there is one name only)"},
	{Kind: GlueMismatch, Text: "the zone's own servers give other addresses for its name servers than the glue"},
	{Kind: DSMismatch, Parent: true, Text: "the parent's DS match no key of the zone"},
	{Kind: DSMissing, Parent: true, Text: "the parent has no DS for the zone: an island"},
	{Kind: DSExtra, Parent: true, Text: "the parent has one DS more, which matches no key"},
	{Kind: DSUnknown, Parent: true, Text: "the parent's DS are of an algorithm that nobody knows: the zone is insecure"},
	{Kind: ParentDiffers, Parent: true, Text: "the parent's referral lacks the first of the zone's NS names, and its DS RRset has one more"},
	{Kind: SplitSigner, Argument: APercent, Text: "that share of the signatures by the ZSK, another with each serial and server, is made by a key that is not published and has the tag of the ZSK"},
	{Kind: TagCollision, Text: "the DNSKEY RRset has one key more, which signs nothing and has the tag of the ZSK"},
	{Kind: MissingDots, Text: "the names of name servers in the zone, its own and its delegations', lack the final dot: the zone's name stands twice in them"},
	{Kind: ChildrenBad, Argument: APercent, Text: "the signatures over the DS RRsets of that share of the delegations do not verify"},
	{Kind: SOADiffers, Text: "another SOA under the same serial: a second more of refresh, signed anew"},
	{Kind: SerialJump, Text: "the serial is 2147483647 ahead, the furthest that RFC 1982 section 3.2 allows"},
	{Kind: CutOff, Text: "a secondary that stops transferring when the fault begins, and answers SERVFAIL once the SOA expire value has passed"},
	{Kind: AddressFlap, Argument: ADuration, Text: "is silent for that long by the lab's clock, answers for as long, and so on"},
	{Kind: TTLAbove, Argument: ClassList, Text: "those RRsets come with twice the TTL that they were signed with"},
	{Kind: TwoSOAs, Text: "the SOA RRset has a second record, with the serial before"},
	{Kind: ZONEMDSerial, Text: "the ZONEMD is of the serial before the SOA's"},
	{Kind: ZONEMDUnknown, Text: "the ZONEMD is of a scheme and a hash algorithm that nobody knows"},
	{Kind: DSReferral, Parent: true, Text: "the parent answers the question for the zone's DS with a referral to the zone"},
	{Kind: Disagree, Text: "a validator answers SERVFAIL with the extended error 6 (DNSSEC bogus) for names in the zone"},
	{Kind: Overlap, Text: "the next name of the apex's NSEC or NSEC3 is the next but one, so that it spans over a name that exists"},
	{Kind: BitmapLacks, Argument: ClassList, Text: "the NSEC or NSEC3 of the apex does not list those types"},
	{Kind: BitmapAdds, Argument: ClassList, Text: "the NSEC or NSEC3 of the apex lists those types also"},
	{Kind: DeepProof, Text: "as `wrong-proof`, but only for names two labels or more below the zone's"},
	{Kind: SigTTL, Text: "RRSIG records come with half the TTL of what they sign"},
	{Kind: Upward, Whole: true, Text: "answers questions for names outside its zones with a referral to the root"},
	{Kind: FlagsFormErr, Whole: true, Text: "answers FORMERR to EDNS flags that it does not know"},
	{Kind: VersionFormErr, Whole: true, Text: "answers FORMERR to EDNS of a version above 0"},
	{Kind: Oversize, Whole: true, Text: "sends more over UDP than the asker takes"},
	{Kind: CookieShort, Whole: true, Text: "sends a server cookie of 4 octets"},
	{Kind: Recursive, Whole: true, Text: "sets RA, and answers questions with RD for names outside its zones"},
	{Kind: BadVersWrong, Whole: true, Text: "takes EDNS of any version for version 0, where BADVERS is due"},
	{Kind: OptionFormErr, Whole: true, Text: "answers FORMERR to a question with an EDNS option that it does not know"},
	{Kind: OptionDrop, Whole: true, Text: "does not answer a question with an EDNS option that it does not know"},
	{Kind: OptionEcho, Whole: true, Text: "sends EDNS options that it does not know back"},
	{Kind: FlagsEcho, Whole: true, Text: "sends EDNS flags that it does not know back"},
	{Kind: EDNSIgnore, Whole: true, Text: "answers a question with EDNS as if it had none"},
	{Kind: EDNSSize, Whole: true, Argument: ASize, Text: "sends up to so many octets over UDP where the asker takes them; otherwise 1232"},
	{Kind: BigUDPLost, Whole: true, Argument: ASize, Text: "its replies over UDP of more octets than that never arrive"},
	{Kind: CaseFold, Whole: true, Text: "writes the question in lower case into its reply"},
	{Kind: CaseBlind, Whole: true, Text: "answers NXDOMAIN to a name with capital letters"},
	{Kind: UnknownNotImp, Whole: true, Text: "answers NOTIMP to types that RFC 4034 and its elders do not know"},
	{Kind: UnknownServFail, Whole: true, Text: "answers SERVFAIL to such types"},
	{Kind: UnknownDrop, Whole: true, Text: "does not answer for such types"},
	{Kind: AAAANXDomain, Whole: true, Text: "answers NXDOMAIN for AAAA where a name has A and no AAAA"},
	{Kind: CookieBad, Whole: true, Text: "sends another client cookie back than it was sent"},
	{Kind: NoCookies, Whole: true, Text: "does not know DNS cookies"},
	{Kind: NoNSID, Whole: true, Text: "does not tell its NSID"},
	{Kind: NoZoneVersion, Whole: true, Text: "does not know ZONEVERSION"},
	{Kind: AXFROpen, Text: "gives the zone to everybody by AXFR"},
	{Kind: Version, Whole: true, Argument: AText, Text: "answers version.bind and version.server CH TXT with that text"},
	{Kind: HostName, Whole: true, Argument: AText, Text: "has that name: as NSID, and for hostname.bind and id.server CH TXT"},
	{Kind: AnyFull, Whole: true, Text: "answers ANY with all RRsets of the name, instead of one"},
	{Kind: QuestionsBlind, Whole: true, Text: "answers the first of several questions, where FORMERR is due"},
	{Kind: OverTLS, Whole: true, Text: "answers over TLS also, on port 853, with a certificate signed by nobody else; in memory only"},
	{Kind: ReportChannel, Whole: true, Argument: AName, Text: "names that agent for error reports (RFC 9567)"},
}

func docOf(kind Kind) (Doc, bool) {
	i := slices.IndexFunc(Faults, func(d Doc) bool { return d.Kind == kind })
	if i < 0 {
		return Doc{}, false
	}
	return Faults[i], true
}

// Fault is one fault, ordered. For classes, DS means the DS RRset of Zone in
// its parent: such a fault shows at the parent's servers.
type Fault struct {
	Server  string        // a server's name or address, or "*" for every one
	Kind    Kind          //
	Zone    holdfast.Name // "*" for every zone
	Classes []holdfast.Class
	Amount  time.Duration // of Slow and Stale
	Percent float64       // of Lossy
	Size    int           // of EDNSSize and BigUDPLost, octets
	Text    string        // of Version, HostName and ReportChannel
	At      time.Time     // of Expire and NotYet; zero: see Faults
	From    time.Time     // by the lab's clock; zero: from the beginning
	To      time.Time     // zero: until repaired
}

// Everywhere stands for every server, zone or class.
const Everywhere = "*"

// String is the fault as the text format writes it.
func (f Fault) String() string {
	words := []string{f.Server, string(f.Kind)}
	switch d, _ := docOf(f.Kind); d.Argument {
	case ClassList:
		names := make([]string, len(f.Classes))
		for i, c := range f.Classes {
			names[i] = string(c)
		}
		words = append(words, strings.Join(names, ","))
	case ADuration:
		words = append(words, f.Amount.String())
	case APercent:
		words = append(words, fmt.Sprintf("%g%%", f.Percent))
	case ASize:
		words = append(words, fmt.Sprint(f.Size))
	case AText:
		words = append(words, `"`+f.Text+`"`)
	case AName:
		words = append(words, f.Text)
	}
	words = append(words, string(f.Zone))
	for _, when := range []struct {
		word string
		at   time.Time
	}{{"at", f.At}, {"from", f.From}, {"to", f.To}} {
		if !when.at.IsZero() {
			words = append(words, when.word, when.at.UTC().Format(time.RFC3339))
		}
	}
	return strings.Join(words, " ")
}

func (f Fault) check() error {
	doc, ok := docOf(f.Kind)
	switch {
	case !ok:
		return fmt.Errorf("fault %q: no such kind; docs/formats/lab.md lists them", f.Kind)
	case f.Server == "" || f.Zone == "":
		return fmt.Errorf("fault %s: want a server and a zone, or * for all", f.Kind)
	case doc.Argument == ClassList && len(f.Classes) == 0:
		return fmt.Errorf("fault %s: want RRset classes, as in SOA,NS", f.Kind)
	case doc.Argument == ADuration && (f.Amount <= 0 || f.Amount > maxDuration):
		return fmt.Errorf("fault %s: duration %s is out of range", f.Kind, f.Amount)
	case doc.Argument == APercent && !(f.Percent > 0 && f.Percent <= 100):
		return fmt.Errorf("fault %s: %g percent is out of range", f.Kind, f.Percent)
	case doc.Argument == ASize && (f.Size < 1 || f.Size > datagramSize):
		return fmt.Errorf("fault %s: size %d: want 1 to %d octets", f.Kind, f.Size, datagramSize)
	case (doc.Argument == AText || doc.Argument == AName) && (f.Text == "" || len(f.Text) > 255):
		return fmt.Errorf("fault %s: want a text of at most 255 octets", f.Kind)
	case !f.At.IsZero() && !doc.Instant:
		return fmt.Errorf("fault %s: takes no instant", f.Kind)
	case !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To):
		return fmt.Errorf("fault %s: ends before it begins", f.Kind)
	}
	for _, c := range f.Classes {
		if _, err := classType(c); err != nil {
			return fmt.Errorf("fault %s: %w", f.Kind, err)
		}
	}
	return nil
}

// anyType stands for every class but DS.
const anyType = wire.TypeANY

// classType is the type under which a class is looked up: NSEC and NSEC3 are
// one class.
func classType(c holdfast.Class) (wire.Type, error) {
	switch c {
	case Everywhere:
		return anyType, nil
	case holdfast.ClassDenial, "NSEC", "NSEC3":
		return wire.TypeNSEC, nil
	}
	return wire.ParseType(string(c))
}

// order is a fault that stands in the lab's book.
type order struct {
	id int
	Fault
	addr  netip.Addr // the server, where an address was given
	began time.Time  // From, or the lab's start
}

func (o *order) active(now time.Time) bool {
	return !now.Before(o.From) && (o.To.IsZero() || now.Before(o.To))
}

func (o *order) strikes(s *server) bool {
	switch {
	case o.Server == Everywhere: // a validator is struck by its address, unless only validators can be
		return (s != nil && s.validator) == (o.Kind == Disagree)
	case s == nil: // the zone itself, as its primary has it
		return false
	case o.addr.IsValid():
		return s.addr == o.addr
	}
	return slices.Contains(s.names, holdfast.Name(o.Server))
}

// Order puts a fault in force and gives its number, for Repair.
func (in *Internet) Order(f Fault) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	o := &order{Fault: f, began: f.From}
	if f.From.IsZero() {
		o.began = in.start
	}
	if addr, err := netip.ParseAddr(f.Server); err == nil {
		o.addr = addr.Unmap()
	} else if f.Server != Everywhere {
		name, err := holdfast.ParseName(f.Server)
		if err != nil {
			return 0, fmt.Errorf("fault %s: server %w", f.Kind, err)
		}
		o.Server = string(name)
	}
	if err := in.known(o); err != nil {
		return 0, fmt.Errorf("fault %s: %w", f.Kind, err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.lastOrder++
	o.id = in.lastOrder
	in.rewrite(append(slices.Clone(in.orders.Load().all), o))
	return o.id, nil
}

// known refuses a fault that could never strike: a slip of the pen in a
// scenario must not make it pass.
func (in *Internet) known(o *order) error {
	if o.Zone != Everywhere && in.zones[o.Zone] == nil {
		return fmt.Errorf("the lab has no zone %s", o.Zone)
	}
	if o.Server == Everywhere && o.Kind != Disagree {
		return nil
	}
	for _, s := range in.servers {
		switch {
		case !o.strikes(s):
		case s.validator == (o.Kind == Disagree), s.validator && len(newView(0, []*order{o}).manners) > 0:
			return nil
		case s.validator:
			return fmt.Errorf("a validator has no copy of a zone")
		default:
			return fmt.Errorf("%s is no validator", o.Server)
		}
	}
	return fmt.Errorf("the lab has no server %s", o.Server)
}

// Repair ends a fault; it says whether there was one of that number.
func (in *Internet) Repair(id int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.orders.Load().all
	left := slices.DeleteFunc(slices.Clone(all), func(o *order) bool { return o.id == id })
	in.rewrite(left)
	return len(left) < len(all)
}

// RepairZone ends every fault that was ordered for a zone by name, and says
// how many there were.
func (in *Internet) RepairZone(zone holdfast.Name) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.orders.Load().all
	left := slices.DeleteFunc(slices.Clone(all), func(o *order) bool { return o.Zone == zone })
	in.rewrite(left)
	return len(all) - len(left)
}

// Ordered lists the faults in the book, in force or not, by number.
func (in *Internet) Ordered() map[int]Fault {
	out := map[int]Fault{}
	for _, o := range in.orders.Load().all {
		out[o.id] = o.Fault
	}
	return out
}

// book is the faults in force, by zone; it is replaced, never changed.
type book struct {
	all   []*order
	zone  map[holdfast.Name][]*order
	whole []*order // of servers as a whole
}

// rewrite replaces the book. The caller holds in.mu.
func (in *Internet) rewrite(all []*order) {
	b := &book{all: all, zone: map[holdfast.Name][]*order{}}
	for _, o := range all {
		if d, _ := docOf(o.Kind); d.Whole {
			b.whole = append(b.whole, o)
			continue
		}
		b.zone[o.Zone] = append(b.zone[o.Zone], o)
	}
	in.orders.Store(b)
}

// passed counts the beginnings and ends of faults up to an instant: while it
// stays the same, the same faults are in force.
func (b *book) passed(now time.Time) int {
	n := 0
	for _, o := range b.all {
		if !now.Before(o.From) {
			n++
		}
		if !o.To.IsZero() && !now.Before(o.To) {
			n++
		}
	}
	return n
}
