package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// maxReply bounds one answer of RDAP or WHOIS; IANA's have some 5 kB.
const maxReply = 1 << 20

// RDAP asks an RDAP server for a domain's technical contact (RFC 9082 section
// 3.1.3, RFC 9083). The answer is read with the standard library: of the whole
// protocol four properties of one entity matter here.
type RDAP struct {
	base      string
	client    *http.Client
	userAgent string
	timeout   time.Duration
	turns     *turns
	clock     holdfast.Clock
}

// NewRDAP makes a source of the server that the configuration names.
func NewRDAP(config Config, client *http.Client, userAgent string, clock holdfast.Clock) *RDAP {
	config = config.WithDefaults()
	return &RDAP{
		base: strings.TrimSuffix(config.RDAP, "/") + "/", client: client, userAgent: userAgent,
		timeout: config.Timeout.Of(), turns: newTurns(clock, config.Interval.Of()), clock: clock,
	}
}

// Contact asks for one domain.
func (r *RDAP) Contact(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	done, err := r.turns.take(ctx)
	if err != nil {
		return holdfast.Contact{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	contact, err := r.ask(ctx, zone)
	if err != nil {
		return holdfast.Contact{}, fmt.Errorf("RDAP %s%s: %w", r.base, zone.Short(), err)
	}
	contact.Fetched = r.clock.Now()
	return contact, nil
}

func (r *RDAP) ask(ctx context.Context, zone holdfast.Name) (holdfast.Contact, error) {
	if zone == holdfast.Root {
		return holdfast.Contact{}, ErrNoContact
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+url.PathEscape(zone.Short()), nil)
	if err != nil {
		return holdfast.Contact{}, err
	}
	request.Header.Set("Accept", "application/rdap+json")
	if r.userAgent != "" {
		request.Header.Set("User-Agent", r.userAgent)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return holdfast.Contact{}, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return holdfast.Contact{}, ErrNoContact
	default:
		return holdfast.Contact{}, fmt.Errorf("the server says %s", response.Status)
	}
	body, err := readAll(response.Body)
	if err != nil {
		return holdfast.Contact{}, err
	}
	return parseRDAP(body, zone)
}

// readAll reads an answer, no longer than it may be.
func readAll(in io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(in, maxReply+1))
	if err == nil && len(body) > maxReply {
		err = fmt.Errorf("the answer has more than %d bytes", maxReply)
	}
	return body, err
}

// rdapDomain is what we read of a domain object (RFC 9083 section 5.3).
type rdapDomain struct {
	LDHName  string       `json:"ldhName"`
	Entities []rdapEntity `json:"entities"`
}

// rdapEntity is what we read of an entity (RFC 9083 section 5.1). Its vCard is
// in the form of RFC 7095, arrays all the way down.
type rdapEntity struct {
	Roles    []string          `json:"roles"`
	VCard    []json.RawMessage `json:"vcardArray"`
	Entities []rdapEntity      `json:"entities"`
}

// parseRDAP reads the technical contact from a domain object.
func parseRDAP(body []byte, zone holdfast.Name) (holdfast.Contact, error) {
	var domain rdapDomain
	if err := json.Unmarshal(body, &domain); err != nil {
		return holdfast.Contact{}, fmt.Errorf("the answer is not RDAP: %w", err)
	}
	if name, err := holdfast.ParseName(domain.LDHName); err != nil || name != zone {
		return holdfast.Contact{}, fmt.Errorf("the answer is about %q", clean(domain.LDHName))
	}
	// Entities may hold entities: the registrar its technical contact.
	queue, problem := domain.Entities, ErrNoContact
	for len(queue) > 0 {
		entity := queue[0]
		queue = append(queue[1:], entity.Entities...)
		if !slices.Contains(entity.Roles, "technical") {
			continue
		}
		contact, err := finish(readVCard(entity.VCard, holdfast.Contact{Zone: zone, Source: holdfast.ContactFromRDAP}))
		if err == nil {
			return contact, nil
		}
		if !errors.Is(err, ErrNoContact) {
			problem = err
		}
	}
	return holdfast.Contact{}, problem
}

// readVCard reads name, organisation, mail address and telephone number of a
// jCard (RFC 7095 section 3.3), the first of each; what has another form is
// passed over.
func readVCard(card []json.RawMessage, contact holdfast.Contact) holdfast.Contact {
	if len(card) < 2 {
		return contact
	}
	var properties [][]json.RawMessage
	if json.Unmarshal(card[1], &properties) != nil {
		return contact
	}
	for _, property := range properties {
		if len(property) < 4 {
			continue
		}
		var name string
		if json.Unmarshal(property[0], &name) != nil {
			continue
		}
		var field *string
		switch strings.ToLower(name) {
		case "fn":
			field = &contact.Person
		case "org":
			field = &contact.Organisation
		case "email":
			field = &contact.Email
		case "tel":
			field = &contact.Phone
		}
		if field == nil || *field != "" || name == "tel" && isFax(property[1]) {
			continue
		}
		*field = strings.TrimPrefix(textOf(property[3]), "tel:")
	}
	return contact
}

// isFax says whether a telephone property's parameters say that it is a fax.
func isFax(parameters json.RawMessage) bool {
	var p struct {
		Type json.RawMessage `json:"type"`
	}
	return json.Unmarshal(parameters, &p) == nil && strings.Contains(strings.ToLower(string(p.Type)), "fax")
}

// textOf is a value that is a text, or the first of a list of texts.
func textOf(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var texts []string
	if json.Unmarshal(value, &texts) == nil && len(texts) > 0 {
		return texts[0]
	}
	return ""
}
