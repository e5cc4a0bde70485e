package web

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Sentinel is the test of RFC 8509 that a visitor's browser makes: it loads one
// picture by each of several names, and whether it comes shows what the
// visitor's resolver makes of the name.
type Sentinel struct {
	Zone, Insecure holdfast.Name // where the names lie; the second is not signed
	// Scheme and Port are how browsers reach the names. With https there is no
	// label of a run in them: no certificate would be good for it.
	Scheme, Port string
	Keys         []SentinelKey // of the root, that are offered for the test
	Current, New uint16        // the key in use and the one to come, for several resolvers
	Name         func(trusted bool, tag uint16, below holdfast.Name) holdfast.Name
	Judge        func(SentinelAnswers) SentinelVerdict
	// Askers are the resolvers that asked for the names of a run; nil: nobody
	// keeps that.
	Askers func(run string) []SentinelAsker
	// Supports are the zones of an algorithm each; none: there is no such page.
	Supports []SentinelSupport
}

// SentinelKey is a root key that can be asked about.
type SentinelKey struct {
	Tag    uint16
	Name   string // KSK-2024
	Chosen bool   // unless the visitor says otherwise
}

// Loading says what came of a name.
type Loading string

const (
	Loaded   Loading = "y"
	Unloaded Loading = "n"
	Unclear  Loading = "" // not asked, or nothing came in time
)

// SentinelAnswers is what came of the names of one run.
type SentinelAnswers struct {
	Insecure, Signed, Bogus Loading
	Bare                    Loading // the signed name with CD, which is asked by hand only
	Validates               bool    // the visitor says that the resolver is set up to
	Asked                   bool    // questions for the names reached the name server
	Keys                    []SentinelKeyAnswers
}

// SentinelKeyAnswers is what came of the two names of one key.
type SentinelKeyAnswers struct {
	Tag     uint16
	Is, Not Loading
}

// SentinelVerdict is what the answers mean.
type SentinelVerdict struct {
	Trouble string // why nothing can be told; then the rest is empty
	Keys    []SentinelKeyVerdict
	Several string // what it means for somebody with several resolvers
	Badge   string // the class of its badge
}

// SentinelKeyVerdict is what a resolver is in respect of one key.
type SentinelKeyVerdict struct {
	Tag                 uint16
	Name                string
	Class, Badge, Means string
}

// SentinelAsker is a resolver that asked for names of a run.
type SentinelAsker struct {
	Address netip.Addr
	Names   []string // for people: signed, bogus, is-ta-20326
	DO      bool     // it asked for signatures
}

// SentinelSupport is a zone that is signed with one algorithm.
type SentinelSupport struct {
	Zone      holdfast.Name
	Algorithm uint8
	Digest    uint8
	NSEC3     bool
}

const (
	sentinelPath   = "/sentinel"
	algorithmsPath = "/algorithms"
	tickPath       = "/sentinel/tick.svg"
	maxKeysAsked   = 8
)

// tickPicture is the picture that is loaded by name: to see it is the answer.
const tickPicture = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 20 20"><circle cx="10" cy="10" r="10" fill="#1f7a43"/><path d="M5 10.5l3.5 3.5 6.5-7.5" fill="none" stroke="#fff" stroke-width="2"/></svg>`

func (s *Site) sentinelRoutes() map[string]page {
	routes := map[string]page{
		"GET /sentinel":         s.serveSentinel,
		"GET /sentinel/run":     s.runSentinel,
		"GET /sentinel/verdict": s.judgeSentinel,
		"GET " + tickPath:       serveTick,
	}
	if len(s.config.Sentinel.Supports) > 0 {
		routes["GET /algorithms"] = s.serveAlgorithms
	}
	return routes
}

// sentinelLinks are those of the bar.
func (s *Site) sentinelLinks() []Link {
	if s.config.Sentinel == nil {
		return nil
	}
	links := []Link{{sentinelPath, "Root keys"}}
	if len(s.config.Sentinel.Supports) > 0 {
		links = append(links, Link{algorithmsPath, "Algorithms"})
	}
	return links
}

// serveTick sends the picture to pages of this site and of any other, and to
// no cache: each name is to be resolved anew.
func serveTick(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, err := w.Write([]byte(tickPicture))
	return err
}

// probe is one name of a run.
type probe struct {
	Field string // of the form
	Shows string // what it shows, for people
	Name  holdfast.Name
	URL   string
}

// url is where the picture is had by a name.
func (c *Sentinel) url(name holdfast.Name, run string) string {
	host := name.Short()
	if c.Port != "" {
		host += ":" + c.Port
	}
	return (&url.URL{Scheme: c.Scheme, Host: host, Path: tickPath, RawQuery: "run=" + run}).String()
}

// probes are the names of a run.
func (c *Sentinel) probes(tags []uint16, run string) []probe {
	zone, insecure := c.Zone, c.Insecure
	if c.Scheme == "http" {
		zone, insecure = holdfast.Name(run+"."+string(zone)), holdfast.Name(run+"."+string(insecure))
	}
	out := []probe{
		{Field: "insecure", Shows: "an unsigned name: it must load, or nothing can be told", Name: insecure},
		{Field: "signed", Shows: "a signed name", Name: "signed." + zone},
		{Field: "bogus", Shows: "a name with a signature that is wrong: a resolver that validates refuses it", Name: "bogus." + zone},
	}
	for _, tag := range tags {
		text := strconv.Itoa(int(tag))
		out = append(out,
			probe{Field: "is-" + text, Shows: "loads, unless your resolver does not trust key " + text, Name: c.Name(true, tag, zone)},
			probe{Field: "not-" + text, Shows: "loads, unless your resolver trusts key " + text, Name: c.Name(false, tag, zone)})
	}
	for i := range out {
		out[i].URL = c.url(out[i].Name, run)
	}
	return out
}

// tagsOf are the keys that a visitor asks about: a few at most.
func (c *Sentinel) tagsOf(query url.Values) ([]uint16, error) {
	var out []uint16
	for _, text := range slices.Concat(query["tag"], strings.Fields(query.Get("other"))) {
		tag, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil {
			return nil, refusal{http.StatusBadRequest, "A key tag is a number from 0 to 65535."}
		}
		if !slices.Contains(out, uint16(tag)) {
			out = append(out, uint16(tag))
		}
	}
	if len(out) > maxKeysAsked {
		return nil, refusal{http.StatusBadRequest, fmt.Sprintf("That are more keys than can be asked about at once: choose %d at most.", maxKeysAsked)}
	}
	for _, key := range c.Keys {
		if len(query["tag"]) == 0 && key.Chosen && !slices.Contains(out, key.Tag) {
			out = append(out, key.Tag)
		}
	}
	return out, nil
}

// keyName is what a key is called, where it has a name.
func (c *Sentinel) keyName(tag uint16) string {
	for _, key := range c.Keys {
		if key.Tag == tag {
			return key.Name
		}
	}
	return ""
}

func (s *Site) serveSentinel(w http.ResponseWriter, r *http.Request) error {
	c := s.config.Sentinel
	view := struct {
		*Sentinel
		Example []probe
	}{c, nil}
	var tags []uint16
	for _, key := range c.Keys {
		if key.Chosen {
			tags = append(tags, key.Tag)
		}
	}
	// People ask by hand: without a label that sets runs apart.
	byHand := *c
	byHand.Scheme = "https"
	view.Example = byHand.probes(tags, "")
	return s.show(w, r, shell{Title: "Which root keys does your resolver trust?", Nav: sentinelPath}, "sentinel", view)
}

// allowPictures lets this one page load pictures by the names of the tests.
func (c *Sentinel) allowPictures(h http.Header, below holdfast.Name) {
	host := "*." + below.Short()
	if c.Port != "" {
		host += ":" + c.Port
	}
	policy := h.Get("Content-Security-Policy")
	h.Set("Content-Security-Policy", strings.Replace(policy, "img-src 'self'", "img-src 'self' "+c.Scheme+"://"+host, 1))
}

// newRun is a label that no other run has.
func newRun() string { return "t" + strings.ToLower(rand.Text())[:20] }

// plainAddress is where a page is had without TLS, if it has to be: a page that
// came by https loads no pictures by http. Empty: it is right as it is.
func (s *Site) plainAddress(r *http.Request) string {
	c := s.config.Sentinel
	byTLS := r.TLS != nil || s.config.Proxied && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	if c.Scheme != "http" || !byTLS {
		return ""
	}
	host := c.Zone.Short()
	if c.Port != "" {
		host += ":" + c.Port
	}
	return (&url.URL{Scheme: "http", Host: host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}).String()
}

func (s *Site) runSentinel(w http.ResponseWriter, r *http.Request) error {
	c := s.config.Sentinel
	tags, err := c.tagsOf(r.URL.Query())
	if err != nil {
		return err
	}
	if elsewhere := s.plainAddress(r); elsewhere != "" {
		return s.show(w, r, shell{Title: "The test runs without TLS", Nav: sentinelPath}, "sentinel-plain", elsewhere)
	}
	run := newRun()
	view := struct {
		Run    string
		Tags   []uint16
		Probes []probe
	}{run, tags, c.probes(tags, run)}
	c.allowPictures(w.Header(), c.Zone)
	return s.show(w, r, shell{Title: "The test runs", Nav: sentinelPath, With: s.sentinel.path}, "sentinel-run", view)
}

func loadingOf(text string) Loading {
	switch l := Loading(text); l {
	case Loaded, Unloaded:
		return l
	}
	return Unclear
}

func (s *Site) judgeSentinel(w http.ResponseWriter, r *http.Request) error {
	c, query := s.config.Sentinel, r.URL.Query()
	tags, err := c.tagsOf(query)
	if err != nil {
		return err
	}
	field := func(name string) Loading { return loadingOf(query.Get(name)) }
	answers := SentinelAnswers{Insecure: field("insecure"), Signed: field("signed"), Bogus: field("bogus"), Bare: field("bare"), Validates: query.Get("validates") == "y"}
	for _, tag := range tags {
		text := strconv.Itoa(int(tag))
		answers.Keys = append(answers.Keys, SentinelKeyAnswers{tag, field("is-" + text), field("not-" + text)})
	}
	kept := c.Askers != nil && c.Scheme == "http"
	var askers []SentinelAsker
	if kept {
		askers = c.Askers(query.Get("run"))
	}
	answers.Asked = len(askers) > 0
	verdict := c.Judge(answers)
	for i, k := range verdict.Keys {
		verdict.Keys[i].Name = c.keyName(k.Tag)
	}
	again := url.Values{}
	for _, tag := range tags {
		again.Add("tag", strconv.Itoa(int(tag)))
	}
	doubt := *r.URL
	query.Set("validates", "y")
	doubt.RawQuery = query.Encode()
	view := struct {
		SentinelVerdict
		Answers SentinelAnswers
		Again   string
		Doubt   string // the same answers of a resolver that should validate
		Askers  []SentinelAsker
		Kept    bool // whether it is kept who asked
	}{verdict, answers, sentinelPath + "/run?" + again.Encode(), doubt.RequestURI(), askers, kept}
	return s.show(w, r, shell{Title: "What your resolver trusts", Nav: sentinelPath}, "sentinel-verdict", view)
}

// supportCell is a zone in the table of algorithms.
type supportCell struct {
	SentinelSupport
	Good, Bad string // where the pictures are
	There     bool
}

func (s *Site) serveAlgorithms(w http.ResponseWriter, r *http.Request) error {
	c, run := s.config.Sentinel, newRun()
	type row struct {
		Algorithm uint8
		Cells     []supportCell
	}
	var rows []row
	for _, z := range c.Supports {
		if len(rows) == 0 || rows[len(rows)-1].Algorithm != z.Algorithm {
			rows = append(rows, row{z.Algorithm, make([]supportCell, 6)})
		}
		column := map[uint8]int{1: 0, 2: 2, 4: 4}[z.Digest]
		if z.NSEC3 {
			column++
		}
		rows[len(rows)-1].Cells[column] = supportCell{z, c.url("secure."+z.Zone, run), c.url("bogus."+z.Zone, run), true}
	}
	base := c.Zone.Parent()
	c.allowPictures(w.Header(), base)
	elsewhere := s.plainAddress(r)
	view := struct {
		Base      holdfast.Name
		Loads     bool   // the pictures can be had by name
		Elsewhere string // where they can be had
		Rows      []row
	}{base, c.Scheme == "http" && elsewhere == "", elsewhere, rows}
	return s.show(w, r, shell{Title: "Which algorithms does your resolver validate?", Nav: algorithmsPath, With: s.sentinel.path}, "algorithms", view)
}
