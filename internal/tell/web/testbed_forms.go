package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// visitor is the address that a form came from. Behind a proxy it is what the
// proxy, and only the proxy, says last.
func (s *Site) visitor(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if forwarded := r.Header.Values("X-Forwarded-For"); s.config.Proxied && len(forwarded) > 0 {
		all := strings.Split(forwarded[len(forwarded)-1], ",")
		if said, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			return said
		}
	}
	if err != nil {
		return netip.IPv4Unspecified()
	}
	return addr
}

// subscribe takes the form of a zone's page. Whether the address was known is
// not to be seen in the answer.
func (s *Site) subscribe(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	z, err := s.testZone(r)
	if err != nil {
		return err
	}
	address := strings.TrimSpace(r.PostFormValue("address"))
	refused, err := s.config.Testbed.Subscribe(r.Context(), z.Name, address, s.visitor(r))
	if err != nil {
		return err
	}
	if refused == "" {
		return s.said(w, r, "A mail is on its way", z.Name,
			"If that address is right and does not follow the zone yet, it will get a mail within a minute or two. Open the link in it within a day, and press the button there: only then will steps be told to it.",
			"Nothing came? Look among the unwanted mail. For a day no second one is sent.")
	}
	view, err := s.testZoneView(r.Context(), z)
	if err != nil {
		return err
	}
	view.Refused, view.Address = refused, address[:min(len(address), 254)]
	body, err := s.render("test-zone", view)
	if err != nil {
		return err
	}
	s.send(w, r, http.StatusUnprocessableEntity, shell{Title: "Test zone " + z.Name.Short(), Nav: testbedPath, Body: body})
	return nil
}

// said is a page that says something, and leads back to the zone.
func (s *Site) said(w http.ResponseWriter, r *http.Request, title string, zone holdfast.Name, texts ...string) error {
	return s.show(w, r, shell{Title: title, Nav: testbedPath}, "test-said", struct {
		Title, Path string
		Zone        holdfast.Name
		Texts       []string
	}{title, testZonePath(zone), zone, texts})
}

// subscriptionView is a page that the link of a mail opens.
type subscriptionView struct {
	holdfast.Subscription
	Token    string
	Path     string
	Pending  bool
	Ended    bool
	Refused  string
	Saved    bool
	Steps    []testStepView // that have come and can be reported of
	Software []string
	Results  []testTally
	Given    holdfast.TestResult // as the form was sent
	Resolver []string            // what was seen of it
}

// subscriptionOf reads who asks by the link of a mail. Such pages are kept in
// no cache and named to nobody.
func (s *Site) subscriptionOf(w http.ResponseWriter, r *http.Request) (subscriptionView, error) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	view := subscriptionView{Token: r.FormValue("token")}
	var err error
	view.Subscription, err = s.config.Testbed.Subscription(r.Context(), r.FormValue("id"), view.Token)
	if errors.Is(err, record.ErrNotFound) {
		return view, notFound("This link is of no subscription. Those that were not confirmed are forgotten after a day.")
	}
	view.Path = testZonePath(view.Zone)
	view.Pending, view.Ended = view.State == holdfast.SubscriptionPending, view.State == holdfast.SubscriptionEnded
	return view, err
}

func (s *Site) serveConfirm(w http.ResponseWriter, r *http.Request) error {
	view, err := s.subscriptionOf(w, r)
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "Confirm", Nav: testbedPath}, "test-confirm", view)
}

// confirm is the button of the page. A link alone confirms nothing: programs
// that look into mails open links.
func (s *Site) confirm(w http.ResponseWriter, r *http.Request) error {
	view, err := s.subscriptionOf(w, r)
	if err != nil {
		return err
	}
	refused, err := s.config.Testbed.Settle(r.Context(), view.ID, view.Token, holdfast.SubscriptionConfirmed)
	if err != nil {
		return err
	}
	if refused != "" {
		return refusal{http.StatusConflict, refused}
	}
	return s.said(w, r, "You follow the zone", view.Zone, "A mail comes at once with its key, its steps as a calendar, and the link at which you report what you see.")
}

func (s *Site) serveUnsubscribe(w http.ResponseWriter, r *http.Request) error {
	view, err := s.subscriptionOf(w, r)
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "End these mails", Nav: testbedPath}, "test-unsubscribe", view)
}

// unsubscribe is the button of the page, and the one click of a mail program
// (RFC 8058 section 3.2), which comes without cookies and asks for no page.
func (s *Site) unsubscribe(w http.ResponseWriter, r *http.Request) error {
	view, err := s.subscriptionOf(w, r)
	if err != nil {
		return err
	}
	if _, err := s.config.Testbed.Settle(r.Context(), view.ID, view.Token, holdfast.SubscriptionEnded); err != nil {
		return err
	}
	return s.said(w, r, "No more mails", view.Zone, "The subscription has ended. What was on its way to you has been dropped; what you reported stays, without your address.")
}

// fillSubscription adds what its owner can report of, and has.
func (s *Site) fillSubscription(r *http.Request, view *subscriptionView) error {
	z, err := s.record.TestZone(r.Context(), view.Zone)
	if err != nil {
		return err
	}
	zone, err := s.testZoneView(r.Context(), z)
	if err != nil {
		return err
	}
	for _, step := range zone.Steps {
		if step.State != "to come" && step.Move != holdfast.TestEnds {
			view.Steps = append(view.Steps, step)
		}
	}
	for _, recipe := range zone.Guidance.Recipes {
		view.Software = append(view.Software, recipe.Resolver)
	}
	view.Software = append(view.Software, "other")
	results, err := s.record.TestResults(r.Context(), view.Zone)
	if err != nil {
		return err
	}
	var own []holdfast.TestResult
	for _, result := range results {
		if result.Subscription == view.ID {
			own = append(own, result)
		}
	}
	if len(own) > 0 && view.Given.Software == "" {
		view.Given.Software, view.Given.Version = own[len(own)-1].Software, own[len(own)-1].Version
	}
	view.Results = tallied(own, zone.Steps)
	sightings, err := s.record.TestSightings(r.Context(), view.Zone)
	if err != nil {
		return err
	}
	view.Resolver = ownResolver(z, sightings, view.Label)
	return nil
}

// ownResolver says what was seen of the addresses that asked for a label.
func ownResolver(z holdfast.TestZone, sightings []holdfast.TestSighting, label string) []string {
	theirs := map[netip.Addr]bool{}
	for _, sighting := range sightings {
		theirs[sighting.Source] = theirs[sighting.Source] || sighting.Label == label
	}
	var out []string
	for _, sighting := range sightings {
		switch {
		case !theirs[sighting.Source]:
		case sighting.Label == label:
			out = append(out, sighting.Source.String()+" asked for your name, last "+instant(sighting.Last))
		case len(sighting.Tags) > 0:
			out = append(out, sighting.Source.String()+" announced that it trusts "+trusts(z, sighting.Tags)+", from "+instant(sighting.First)+" to "+instant(sighting.Last))
		}
	}
	return out
}

func (s *Site) serveSubscription(w http.ResponseWriter, r *http.Request) error {
	view, err := s.subscriptionOf(w, r)
	if err != nil {
		return err
	}
	if err := s.fillSubscription(r, &view); err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "Your test of " + view.Zone.Short(), Nav: testbedPath}, "test-subscription", view)
}

// report keeps what a subscriber saw.
func (s *Site) report(w http.ResponseWriter, r *http.Request) error {
	view, err := s.subscriptionOf(w, r)
	if err != nil {
		return err
	}
	view.Given = holdfast.TestResult{Move: holdfast.TestMove(r.PostFormValue("step")), Outcome: holdfast.TestOutcome(r.PostFormValue("outcome")),
		Software: r.PostFormValue("software"), Version: strings.TrimSpace(r.PostFormValue("version"))}
	if view.Refused, err = s.config.Testbed.Report(r.Context(), view.ID, view.Token, view.Given); err != nil {
		return err
	}
	view.Saved = view.Refused == ""
	if err := s.fillSubscription(r, &view); err != nil {
		return err
	}
	if view.Saved {
		return s.show(w, r, shell{Title: "Your test of " + view.Zone.Short(), Nav: testbedPath}, "test-subscription", view)
	}
	body, err := s.render("test-subscription", view)
	if err != nil {
		return err
	}
	s.send(w, r, http.StatusUnprocessableEntity, shell{Title: "Your test of " + view.Zone.Short(), Nav: testbedPath, Body: body})
	return nil
}
