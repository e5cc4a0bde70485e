package app

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/source/roster"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
	"github.com/holdfastdns/holdfast/internal/tell/web"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// DemoOptions are the flags of `holdfast demo`.
type DemoOptions struct {
	Listen string
	For    time.Duration // 0: until interrupted
}

// demoRate is how fast the demo's clock runs: a day a minute.
const demoRate = 1440

//go:embed demo.lab
var demoFaults string

// storyZones are those whose story the demo tells on the terminal.
var storyZones = []string{"aero", "coop"}

// Demo runs a lab with all top-level domains, the watch over it, its page and
// a mailbox. Nothing of it leaves the machine, and it leaves nothing behind.
func Demo(ctx context.Context, w World, o DemoOptions) (Exit, error) {
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	start := w.Clock.Now()
	internet, err := demoLab(start)
	if err != nil {
		return Unworked, fmt.Errorf("demo: %w", err)
	}
	folder, err := os.MkdirTemp("", "holdfast-demo-")
	if err != nil {
		return Unworked, fmt.Errorf("demo: %w", err)
	}
	defer os.RemoveAll(folder)
	if err := demoAddress(o.Listen); err != nil {
		return Unworked, err
	}
	listener, err := listenWeb(o.Listen)
	if err != nil {
		return Unworked, err
	}
	d, err := newDemo(ctx, w, internet, folder, listener)
	if err != nil {
		listener.Close()
		return Unworked, err
	}
	defer d.close()
	tale, err := newNarrator(w.Stdout, d.mailbox, internet.Clock(), start, d.address)
	if err != nil {
		return Unworked, err
	}
	fmt.Fprintf(w.Stdout, demoWelcome, len(internet.Zones())-1, d.address, d.address)
	err = d.run(ctx, tale.run)
	if err != nil && !interrupted(ctx, err) && !errors.Is(err, context.DeadlineExceeded) {
		return Unworked, err
	}
	return Healthy, nil
}

// demo is a watch over a lab, with its page and a mailbox.
type demo struct {
	house    *house
	record   *record.Record
	mailbox  *mailbox
	listener net.Listener
	address  string // of the page, with a slash behind it
}

// newDemo sets the demo up; its record is in the folder, its page will be
// served on the listener.
func newDemo(ctx context.Context, w World, internet *lab.Internet, folder string, listener net.Listener) (*demo, error) {
	w, err := demoWorld(w, internet)
	if err != nil {
		return nil, err
	}
	d := &demo{listener: listener, address: "http://" + listener.Addr().String() + "/"}
	if d.mailbox, err = openMailbox(); err != nil {
		return nil, err
	}
	if d.record, err = record.Create(ctx, filepath.Join(folder, "holdfast.db")); err != nil {
		d.close()
		return nil, err
	}
	if err = demoPeople(ctx, d.record, internet); err == nil {
		d.house, err = demoHouse(ctx, w, d.record, d.mailbox, d.address)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// run keeps it until the context ends. more are further things to run beside it.
func (d *demo) run(ctx context.Context, more ...func(context.Context) error) error {
	pages := &site{adjust: demoPage, stale: 12 * time.Hour, more: func(s *web.Site, mux *http.ServeMux) {
		box := d.mailbox.handler(d.address, func(w http.ResponseWriter, r *http.Request, title string, body template.HTML) {
			s.Page(w, r, title, "/mailbox", body)
		})
		mux.Handle("/mailbox", box)
		mux.Handle("/mailbox/", box)
	}}
	return d.house.run(ctx, d.listener, pages, append(more, d.mailbox.run)...)
}

// close lets go of what is open, whatever of it that is. Nothing is to be
// kept, so nothing can fail that matters.
func (d *demo) close() {
	if d.house != nil {
		d.house.asker.Close()
	}
	if d.record != nil {
		d.record.Close()
	}
	d.mailbox.listener.Close()
}

const demoWelcome = `A small Internet with %d top-level domains runs on this machine, a day a minute,
and the watch over it. Nothing leaves the machine.

    the page   %s
    the mails  %smailbox

Open the page now. For the first ten seconds every zone is looked at once; then
the story begins, told here by minutes and seconds. Stop with Ctrl-C.

`

// demoLab is the lab of the built-in list with the demo's troubles.
func demoLab(start time.Time) (*lab.Internet, error) {
	plan := lab.BuiltinPlan(0)
	plan.Start, plan.Rate = start, demoRate
	if err := lab.ParseFaults(strings.NewReader(demoFaults), "demo.lab", &plan); err != nil {
		return nil, err
	}
	return lab.New(plan, nil)
}

func demoWorld(w World, internet *lab.Internet) (World, error) {
	anchors, err := internet.TrustAnchors()
	if err != nil {
		return w, fmt.Errorf("demo: %w", err)
	}
	w.Clock, w.Dialer, w.Hints, w.Anchors, w.Vantage = internet.Clock(), internet, internet.RootHints(), anchors, "demo"
	w.Kept = nil // the kernel keeps another clock
	return w, nil
}

// demoPeople invents a technical contact for every zone. Every fifth has its
// mail below the very zone, which is worth a word to staff.
func demoPeople(ctx context.Context, r *record.Record, internet *lab.Internet) error {
	for i, zone := range internet.Zones() {
		if zone == holdfast.Root {
			continue
		}
		contact := holdfast.Contact{Zone: zone, Role: "technical", Organisation: "Registry of " + zone.Short() + " (invented)",
			Email: "tech-" + zone.Short() + "@registry.demo", Source: holdfast.ContactFromFile, Fetched: internet.Clock().Now()}
		if i%5 == 0 {
			contact.Email = "tech@nic." + zone.Short()
		}
		if err := r.SaveContact(ctx, contact); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

// demoHouse is the watch with intervals that suit a day a minute.
func demoHouse(ctx context.Context, w World, r *record.Record, m *mailbox, address string) (*house, error) {
	anchors := w.Anchors
	zone := source.Zone{Name: holdfast.Root, From: "the lab", Fetched: w.Clock.Now()}
	internet := w.Dialer.(*lab.Internet)
	var err error
	if zone.Records, err = internet.RootZone(w.Clock.Now()); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	for _, r := range zone.Records {
		if r.Type == wire.TypeSOA && r.Name == holdfast.Root {
			if zone.SOA, err = r.SOA(); err != nil {
				return nil, fmt.Errorf("demo: %w", err)
			}
		}
	}
	next, err := roster.Gate{Verify: verifyRoster(anchors)}.Accept(zone, w.Clock.Now(), nil)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if err := r.SaveRoster(ctx, kept(next)); err != nil {
		return nil, err
	}
	config := Config{Vantage: "demo"}.withDefaults()
	config.Ask.Rate = -1 // the lab is ours
	config.Ask.UDPWait, config.Ask.TCPWait = holdfast.Duration(150*time.Millisecond), holdfast.Duration(150*time.Millisecond)
	config.Walk.Budget = holdfast.Duration(10 * time.Second)
	// Two looks at each of 1,449 zones in half a minute are what two cores bear
	// beside a browser.
	config.Scan.Core, config.Scan.Full, config.Scan.Fast = hours(6), hours(12), holdfast.Duration(20*time.Minute)
	config.Roster.Interval = hours(24 * 365)
	// The story is not of us: nothing newer comes, and a slow machine is behind.
	config.Self = SelfConfig{RosterAge: hours(24 * 3650), DataAge: hours(24 * 3650), Late: 100}
	// The contacts of the story's zones are written to without a person; those
	// of the others wait under Notices for the visitor to release them.
	config.Alert = alert.Config{
		Staff: []string{"staff@holdfast.demo"}, Automatic: storyZones, Batch: hours(2),
		BaseURL: address, DocsURL: address + "checks/", MessageDomain: "holdfast.demo",
	}
	config.Notify.Mail = &notify.MailConfig{Server: m.listener.Addr().String(), From: "watch@holdfast.demo", TLS: "none"}
	return build(ctx, w, config, r)
}

func hours(n int) holdfast.Duration { return holdfast.Duration(time.Duration(n) * time.Hour) }

func demoPage(c *web.Config) {
	c.Title = "Holdfast demo"
	c.StaffOpen = true
	c.ClockRate = demoRate
	c.Refresh = 3 * time.Second
	c.Links = []web.Link{{Path: "/mailbox", Text: "Mailbox"}}
}

// demoAddress refuses to show the demo to others: everybody who reaches it is
// staff.
func demoAddress(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("demo: --listen: %w; want ADDRESS:PORT", err)
	}
	if !loopbackHost(host) {
		return advise(fmt.Errorf("demo: --listen %q is not a loopback address", listen), "Everybody who reaches the demo is staff in it: use 127.0.0.1:PORT, and forward the port where you must.")
	}
	return nil
}
