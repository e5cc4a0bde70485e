package web

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/holdfastdns/holdfast"
)

func exchangeHref(measurement string, n int) string {
	return "/evidence/" + url.PathEscape(measurement) + "/" + strconv.Itoa(n)
}

type measurementView struct {
	holdfast.Measurement
	Rows []exchangeRow
}

type exchangeRow struct {
	Href string
	Bad  bool
	holdfast.Exchange
}

// serveMeasurement lists all exchanges of one look at a zone.
func (s *Site) serveMeasurement(w http.ResponseWriter, r *http.Request) error {
	m, err := s.record.Measurement(r.Context(), r.PathValue("measurement"))
	if err != nil {
		return err
	}
	view := measurementView{Measurement: m}
	for n, e := range m.Exchanges {
		view.Rows = append(view.Rows, exchangeRow{exchangeHref(m.ID, n), e.Outcome != holdfast.Answered, e})
	}
	return s.show(w, r, shell{Title: "Evidence: " + clean(m.Subject.Zone.Short()), Nav: "/"}, "measurement", view)
}

type exchangeView struct {
	Measurement      holdfast.Measurement
	Number           int
	Exchange         holdfast.Exchange
	What             string
	Dig              string
	Query, Reply     messageView
	Previous, Next   string
	TypeName, Sender string
}

// messageView is one message in words and in octets.
type messageView struct {
	Title, Text, Fault, Hex, Href string
	Size                          int
}

func (s *Site) exchange(r *http.Request) (holdfast.Measurement, int, error) {
	m, err := s.record.Measurement(r.Context(), r.PathValue("measurement"))
	if err != nil {
		return m, 0, err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= len(m.Exchanges) {
		return m, 0, notFound(fmt.Sprintf("The measurement has exchanges 0 to %d, and this is none of them.", len(m.Exchanges)-1))
	}
	return m, n, nil
}

func (s *Site) serveExchange(w http.ResponseWriter, r *http.Request) error {
	m, n, err := s.exchange(r)
	if err != nil {
		return err
	}
	e := m.Exchanges[n]
	view := exchangeView{
		Measurement: m, Number: n, Exchange: e, What: purposeText(e.Purpose), Dig: digLine(e), TypeName: typeName(e.Question.Type),
		Query: s.message("Query", e.Query, exchangeHref(m.ID, n)+"/query"), Reply: s.message("Reply", e.Reply, exchangeHref(m.ID, n)+"/reply"),
	}
	if n > 0 {
		view.Previous = exchangeHref(m.ID, n-1)
	}
	if n < len(m.Exchanges)-1 {
		view.Next = exchangeHref(m.ID, n+1)
	}
	return s.show(w, r, shell{Title: fmt.Sprintf("Evidence: %s, exchange %d", clean(m.Subject.Zone.Short()), n), Nav: "/"}, "exchange", view)
}

func (s *Site) message(title string, octets []byte, href string) messageView {
	v := messageView{Title: title, Size: len(octets), Href: href}
	if len(octets) == 0 {
		return v
	}
	v.Hex = hex.Dump(octets)
	if s.config.Decode == nil {
		return v
	}
	text, err := s.config.Decode(octets)
	if err != nil {
		v.Fault = clean(err.Error())
	}
	v.Text = clean(text)
	return v
}

// serveBytes hands out a message as it was on the wire (RFC 8484 names the
// media type).
func (s *Site) serveBytes(w http.ResponseWriter, r *http.Request) error {
	m, n, err := s.exchange(r)
	if err != nil {
		return err
	}
	var octets []byte
	switch r.PathValue("file") {
	case "query":
		octets = m.Exchanges[n].Query
	case "reply":
		octets = m.Exchanges[n].Reply
	}
	if octets == nil {
		return notFound("There are no such bytes: no reply came, or the address is wrong.")
	}
	h := w.Header()
	h.Set("Content-Type", "application/dns-message")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="holdfast-%d-%s.bin"`, n, r.PathValue("file")))
	h.Set("Content-Length", strconv.Itoa(len(octets)))
	_, _ = w.Write(octets) // the visitor may have gone
	return nil
}

// purposeText says in words why a question was asked.
func purposeText(p holdfast.Purpose) string {
	switch p {
	case holdfast.PurposeReferral:
		return "the delegation, at a server of the parent"
	case holdfast.PurposeDS:
		return "the delegation signer records, at a server of the parent"
	case holdfast.PurposeAddress:
		return "the address of a name server"
	case holdfast.PurposeSOA:
		return "the start of authority, over UDP"
	case holdfast.PurposeSOATCP:
		return "the start of authority, over TCP"
	case holdfast.PurposeNS:
		return "the name servers that the zone itself names"
	case holdfast.PurposeDNSKEY:
		return "the zone's keys"
	case holdfast.PurposeNSEC3PARAM:
		return "the parameters of hashed denial"
	case holdfast.PurposeCDS:
		return "the DS that the zone asks its parent for (CDS)"
	case holdfast.PurposeCDNSKEY:
		return "the key that the zone asks its parent for (CDNSKEY)"
	case holdfast.PurposeNXDomain:
		return "a name that does not exist, to see its denial"
	case holdfast.PurposeNoData:
		return "a type that does not exist at the apex, to see its denial"
	}
	return mannersText(p)
}

// mannersText says it of questions about how a server behaves, and about what
// stands behind a zone.
func mannersText(p holdfast.Purpose) string {
	for _, known := range []struct {
		purpose holdfast.Purpose
		text    string
	}{
		{holdfast.PurposeApex, "what else the zone has at its apex"},
		{holdfast.PurposeNXDeep, "a name far below one that does not exist, to see its denial"},
		{holdfast.PurposeSample, "the DS of a name below the zone, drawn as a sample"},
		{holdfast.PurposeMail, "whether the domain of the zone's mail address takes mail"},
		{holdfast.PurposeMName, "the address of the primary that the SOA names"},
		{holdfast.PurposeSignal, "what a name server signals about the zone's DS"},
		{holdfast.PurposeDSYNC, "where the parent takes notifications"},
		{holdfast.PurposeValidator, "what a validating resolver makes of the zone"},
		{holdfast.PurposeForeign, "a name of nobody's, to see whether strangers are served"},
		{holdfast.PurposeVersion, "the server's version"},
		{holdfast.PurposeIdentity, "the server's identity"},
		{holdfast.PurposeTLS, "a name of nobody's, over TLS"},
		{holdfast.PurposeManners, "the start of authority, with capitals, an EDNS option and a flag that nobody knows"},
		{holdfast.PurposeCase, "the start of authority, with capitals in the name"},
		{holdfast.PurposeEDNSOption, "the start of authority, with an EDNS option that nobody knows"},
		{holdfast.PurposeEDNSFlag, "the start of authority, with an EDNS flag that nobody knows"},
		{holdfast.PurposeEDNSVersion, "the start of authority, with EDNS of a later version"},
		{holdfast.PurposeANY, "everything at the apex at once (ANY)"},
		{holdfast.PurposeQDCount, "two questions in one message"},
		{holdfast.PurposeAXFR, "a transfer of the zone"},
	} {
		if known.purpose == p {
			return known.text
		}
	}
	return clean(string(p))
}

// digLine asks the same again.
func digLine(e holdfast.Exchange) string {
	line := "dig @" + e.Server.Address.String() + " " + shellWord(e.Question.Name.String()) + " " + typeName(e.Question.Type) + " +norecurse +dnssec +nsid +bufsize=1232"
	if e.Transport == holdfast.TCP {
		line += " +tcp"
	}
	return line
}
