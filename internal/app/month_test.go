package app

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/measure/scan"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/alert"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

// healthyMonth is a watch over a healthy Internet, by clocks that stand still while
// anybody works: the loops, the waits for lost replies, the reminders and the
// hold-downs are those of the program, and cost nothing to wait for.
type healthyMonth struct {
	house    *house
	internet *lab.Internet
	subjects []holdfast.Subject
	random   *rand.Rand
	outages  []outage // owned by weather until it has ended
	mail     letterbox
}

// outage is one server that fails for minutes.
type outage struct {
	host     *host
	kind     lab.Kind
	from, to time.Time
}

// letterbox takes what is sent.
type letterbox struct {
	mu   sync.Mutex
	sent []holdfast.Notice // owned by mu
}

func (l *letterbox) Deliver(_ context.Context, n holdfast.Notice) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, n)
	return nil
}

// pace is how often a month's zones are looked at, and how often one of the
// Internet's servers fails.
type pace struct {
	core, full, fast, outages time.Duration
	length                    time.Duration
}

// watchMonth lets a month pass over a plan. It must run in a bubble of synctest.
func watchMonth(t *testing.T, plan lab.Plan, p pace) *healthyMonth {
	t.Helper()
	plan.Faults = append(plan.Faults, lab.Fault{Server: lab.Everywhere, Kind: lab.Lossy, Percent: 1, Zone: lab.Everywhere})
	m := &healthyMonth{random: rand.New(rand.NewPCG(2026, 8))}
	m.house, m.subjects, m.internet = watchOver(t, plan, lab.NewClock(plan.Start, 1), func(c *Config) {
		c.Scan.Core, c.Scan.Full, c.Scan.Fast = holdfast.Duration(p.core), holdfast.Duration(p.full), holdfast.Duration(p.fast)
		c.Alert = alert.Config{Staff: []string{"staff@registry.test"}, Contacts: alert.ReleaseAutomatic}
		c.Roster.Sources, c.Roster.Interval = []string{"axfr:" + rootAddress(plan) + ":53"}, hours(12)
		c.Notify.Mail = &notify.MailConfig{Server: "127.0.0.1:25", From: "watch@registry.test", TLS: "none"}
	})
	m.house.outbox = notify.NewOutbox(m.house.config.Notify.Outbox, m.house.record, m.house.world.Clock,
		map[string]notify.Notifier{notify.ChannelMail: &m.mail})
	ctx, stop := context.WithTimeout(t.Context(), p.length)
	defer stop()
	if err := demoPeople(ctx, m.house.record, m.internet); err != nil {
		t.Fatal(err)
	}
	group, ctx := errgroup.WithContext(ctx)
	loops := m.house.scan.Loops(m.subjects, func(holdfast.Name) scan.Looked { return scan.Looked{} })
	group.Go(func() error { return loops.Run(ctx) })
	group.Go(func() error { return m.house.alert.Run(ctx) })
	group.Go(func() error { return m.house.followRoster(ctx, loops) })
	group.Go(func() error { return m.house.self.run(ctx) })
	group.Go(func() error { return m.post(ctx) })
	group.Go(func() error { return m.weather(ctx, p.outages) })
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return m
}

// rootAddress is where the root zone is to be had.
func rootAddress(plan lab.Plan) string {
	return plan.Zone(holdfast.Root).Servers[0].Addresses[0].String()
}

// post sends what is due once an hour; the outbox's own pace of seconds would
// be most of the test.
func (m *healthyMonth) post(ctx context.Context) error {
	for sleep(ctx, time.Hour) {
		if err := m.house.outbox.Once(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// failures are the ways in which a server fails for minutes: it is gone, its
// network is, its process is, it begins anew, or it comes and goes.
var failures = []lab.Kind{lab.TimeOut, lab.Unreachable, lab.ConnRefused, lab.ServFail, lab.AddressFlap}

// weather lets one server after the other fail, for three to ten minutes each,
// and never all servers of a zone.
func (m *healthyMonth) weather(ctx context.Context, every time.Duration) error {
	hosts := m.hosts()
	names := slices.Sorted(maps.Keys(hosts))
	for sleep(ctx, time.Duration(m.random.Int64N(int64(2*every)))) {
		now := m.internet.Clock().Now()
		o := outage{host: hosts[names[m.random.IntN(len(names))]], kind: failures[m.random.IntN(len(failures))], from: now,
			to: now.Add(3*time.Minute + time.Duration(m.random.Int64N(int64(7*time.Minute))))}
		if !m.bearable(o) {
			continue
		}
		m.outages = append(m.outages, o)
		for _, a := range o.host.addresses {
			f := lab.Fault{Server: a.String(), Kind: o.kind, Zone: lab.Everywhere, From: o.from, To: o.to}
			if o.kind == lab.AddressFlap {
				f.Amount = time.Minute
			}
			number, err := m.internet.Order(f)
			if err != nil {
				return err
			}
			time.AfterFunc(o.to.Sub(now), func() { m.internet.Repair(number) })
		}
	}
	return nil
}

// host is what fails at once: the addresses of a name server, under whichever
// names, and the zones that it serves.
type host struct {
	addresses []netip.Addr
	zones     []holdfast.Name
}

// hosts are they, by name; those of several names are there under each.
func (m *healthyMonth) hosts() map[holdfast.Name]*host {
	out, served := map[holdfast.Name]*host{}, map[netip.Addr][]holdfast.Name{}
	for _, zone := range m.internet.Zones() {
		for _, s := range m.internet.Servers(zone) {
			h := out[s.Name]
			if h == nil {
				h = &host{}
				out[s.Name] = h
			}
			if !slices.Contains(h.addresses, s.Address) {
				h.addresses = append(h.addresses, s.Address)
			}
			served[s.Address] = append(served[s.Address], zone)
		}
	}
	for _, h := range out {
		for _, a := range h.addresses {
			h.zones = append(h.zones, served[a]...)
		}
		slices.SortFunc(h.zones, holdfast.CompareNames)
		h.zones = slices.Compact(h.zones)
	}
	return out
}

// bearable says whether each zone has a server left that has been well for a
// quarter of an hour: its failures are those of single servers.
func (m *healthyMonth) bearable(o outage) bool {
	gone := slices.Clone(o.host.addresses)
	for _, other := range slices.Backward(m.outages) {
		if o.from.Sub(other.from) > time.Hour {
			break
		}
		if other.to.Add(15 * time.Minute).After(o.from) {
			gone = append(gone, other.host.addresses...)
		}
	}
	for _, zone := range o.host.zones {
		lost := 0
		servers := m.internet.Servers(zone)
		for _, s := range servers {
			if slices.Contains(gone, s.Address) {
				lost++
			}
		}
		if lost > len(o.host.addresses) || lost == len(servers) {
			return false
		}
	}
	return true
}

// excused says whether a finding is true: it speaks of a server that failed.
func (m *healthyMonth) excused(zone holdfast.Name, i record.Interval) bool {
	return slices.ContainsFunc(m.outages, func(o outage) bool {
		if !slices.Contains(o.host.zones, zone) || i.Opened.Before(o.from) || i.Opened.After(o.to.Add(2*time.Minute)) {
			return false
		}
		if i.Finding.Server.Address.IsValid() {
			return slices.Contains(o.host.addresses, i.Finding.Server.Address)
		}
		return alert.TroubleOf(i.Finding.Code) == holdfast.TroubleReachability
	})
}

// judge holds that nobody was told what is not so, and no contact anything.
func (m *healthyMonth) judge(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	notices, err := m.house.record.Notices(ctx, record.NoticeFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	staff := 0
	for _, n := range notices {
		if n.Audience == holdfast.ForContact {
			t.Errorf("a mail to a contact (%s): %s %v %s", n.State, n.Created.Format(time.RFC3339), n.Zones, n.Subject)
			continue
		}
		staff++
	}
	if len(m.mail.sent) != len(notices) {
		t.Errorf("%d notices and %d mails", len(notices), len(m.mail.sent))
	}
	findings, seen := map[string]int{}, 0
	for _, s := range m.subjects {
		intervals, err := m.house.record.Intervals(ctx, s.Zone, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range intervals {
			f := i.Finding
			findings[f.Code+" "+f.Severity.String()]++
			switch {
			case f.Severity < holdfast.SeverityWarning:
			case m.excused(s.Zone, i):
				seen++
			default:
				t.Errorf("a false alarm: %s, from %s to %s: %s", s.Zone, i.Opened.Format(time.RFC3339), i.Closed.Format(time.RFC3339), describe(f))
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(findings)) {
		t.Logf("%s: %d", code, findings[code])
	}
	t.Logf("%d questions, %d outages, %d true findings about them, %d mails to staff", m.internet.Questions(), len(m.outages), seen, staff)
	if seen == 0 {
		t.Error("no outage was seen: the test shows nothing")
	}
}

// inhabitants of the small month: what each says of itself beside its servers.
var inhabitants = []string{
	"alg RSASHA256", "alg RSASHA256 3072; nsec3", "alg ECDSAP256SHA256", "alg ECDSAP384SHA384; nsec3 optout", "alg ED25519; nsec3", "alg ED448",
	"csk; nsec3 optout", "digest 2 4", "unsigned", "alg ED25519; zonemd", "no-cds; nsec3",
	// Signed on line every day for two, or every week for a month, or all the time.
	"validity 2d resign 1d publish 6h; nsec3", "validity 2d resign 12h jitter 2h", "validity 3d resign 1h; csk; nsec3 optout", "validity 7d resign 2d jitter 6h",
	"validity 28d resign 7d; nsec3 optout", "validity 14d resign 7d jitter 1h", "validity 30d resign 10d; nsec3", "validity 90d resign 30d phase -12d",
	"serial date; validity 21d resign 4d publish 1d jitter 12h", "serial count; publish 3h", "alg ECDSAP256SHA256; alg ED25519; nsec3",
	"ttl default 1h ns 2d dnskey 2d delegation 2d ds 1d", "soa refresh 30m retry 15m expire 7d minimum 15m; nsec3 optout",
	// Whose keys change.
	"nsec3; rollover zsk-prepublish at +3d every 7d", "rollover zsk-doublesig at +2d every 9d", "nsec3 optout; rollover ksk-doublesig at +4d",
	"rollover ksk-doubleds at +5d", "csk; rollover csk at +6d every 12d; nsec3", "nsec3; rollover algorithm-conservative ED25519 at +8d",
	"alg RSASHA256; rollover algorithm-liberal ECDSAP256SHA256 at +7d", "rollover revoke at +1d", "nsec3; rollover insecure at +10d",
	"unsigned; rollover secure at +9d", "partner ns1.partner40.test. 100.49.7.1; multisigner 1; rollover multisigner1-join at +11d",
	"partner ns1.partner41.test. 100.49.7.2; multisigner 1; rollover multisigner1-leave at +12d; nsec3",
	"partner ns1.partner42.test. 100.49.7.3; rollover multisigner2-join at +13d; nsec3", "partner ns1.partner43.test. 100.49.7.4; rollover multisigner2-leave at +14d",
	"nsec3; rollover zsk-prepublish at +3d; rollover ksk-doublesig at +15d",
}

// smallMonth is a root with a zone of each kind, of which some share servers.
func smallMonth(t *testing.T) lab.Plan {
	t.Helper()
	var text strings.Builder
	text.WriteString("clock 2026-08-01T12:00:00Z\nseed 7\nroot\n  zonemd\n  alg ED25519\n  ns a.root-servers.net. 198.41.0.4 2001:503:ba3e::2:30\n" +
		"  ns b.root-servers.net. 170.247.170.2 2801:1b8:10::b\n  ns c.root-servers.net. 192.33.4.12\n  rollover zsk-prepublish at +6d every 10d\n")
	for n, says := range inhabitants {
		house := n
		if n%4 == 3 {
			house = n - 1
		}
		house += 2
		fmt.Fprintf(&text, "zone z%c%c.\n  ns ns1.op%d.test. 100.50.%d.1 2a10:%x::1\n  ns ns2.op%d.test. 102.60.%d.2\n", 'a'+n/10, 'a'+n%10, house, house, house, house, house)
		fmt.Fprintf(&text, "  record child NS ns.child\n  record child DS 1 13 2 %s\n  record unsigned NS ns.child\n  %s\n", strings.Repeat("ab", 32), says)
	}
	plan, err := lab.Parse(strings.NewReader(text.String()), "month", nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestHealthyMonth: forty zones of differing kinds are signed and re-signed,
// change their keys in every legal way, lose one packet in a hundred, and have
// single servers that fail for minutes: for a month nobody is told anything
// that is not so, and no contact is told anything.
func TestHealthyMonth(t *testing.T) {
	if testing.Short() {
		t.Skip("a month takes a minute")
	}
	plan := smallMonth(t)
	beforeBubble(t)
	synctest.Test(t, func(t *testing.T) {
		m := watchMonth(t, plan, pace{core: 6 * time.Hour, full: 12 * time.Hour, fast: 2 * time.Minute, outages: 40 * time.Minute, length: monthDays * 24 * time.Hour})
		m.judge(t)
	})
}

// TestHealthyMonthOfTheRoot is the same for the whole root, every top-level
// domain of it. It takes long: HOLDFAST_MONTH says how many days pass.
//
//	HOLDFAST_MONTH=30 go test ./internal/app -run TestHealthyMonthOfTheRoot -v -timeout 2h
func TestHealthyMonthOfTheRoot(t *testing.T) {
	length, err := strconv.Atoi(os.Getenv("HOLDFAST_MONTH"))
	if err != nil {
		t.Skip("HOLDFAST_MONTH does not say how many days")
	}
	plan := lab.BuiltinPlan(1438)
	plan.Start, plan.Seed = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC), 7
	rollKeys(&plan)
	beforeBubble(t)
	synctest.Test(t, func(t *testing.T) {
		m := watchMonth(t, plan, pace{core: 24 * time.Hour, full: 5 * 24 * time.Hour, fast: 5 * time.Minute, outages: 10 * time.Minute,
			length: time.Duration(length) * 24 * time.Hour})
		m.judge(t)
	})
}

// rollKeys has every third signed zone roll its keys, in one legal way or
// another, on a day of its own.
func rollKeys(plan *lab.Plan) {
	kinds := []lab.RollKind{lab.ZSKPrePublish, lab.ZSKDoubleSignature, lab.KSKDoubleSignature, lab.KSKDoubleDS, lab.KSKRevoke}
	for n := range plan.Zones {
		z := &plan.Zones[n]
		if n%3 == 0 && !z.Signing.Unsigned && z.Name != holdfast.Root {
			z.Rollovers = []lab.Rollover{{Kind: kinds[n/3%len(kinds)], At: plan.Start.Add(time.Duration(n%28*24) * time.Hour)}}
		}
	}
}

// beforeBubble keeps the database of a month off the disk, for which thousands
// of commits would wait; and it has the record make its compressors, which are
// the process's: made in a bubble they would be of no use outside it.
func beforeBubble(t *testing.T) {
	t.Helper()
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err == nil {
		t.Setenv("TMPDIR", memory)
	}
	w := newOwnWatch(t)
	w.sweep()
	if _, err := w.record.LatestMeasurement(t.Context(), holdfast.Root, holdfast.Full); err != nil {
		t.Fatal(err)
	}
}

func describe(f holdfast.Finding) string {
	return fmt.Sprintf("%s %s at %s %s, %s: %s", f.Code, f.Severity, f.Server.Name, f.Server.Address, f.RRset, f.Text)
}
