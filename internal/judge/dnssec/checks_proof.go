package dnssec

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// allDenials are a server's negative answers, those of probes included.
func allDenials(sc *judge.ServerChain) []*judge.Denial {
	out := slices.Clone(sc.Denials)
	for _, p := range sc.Probes {
		if p.Denial != nil {
			out = append(out, p.Denial)
		}
	}
	return out
}

// serialOf is the zone's serial as a negative answer itself gives it: its
// proof is from that version.
func serialOf(d *judge.Denial) (uint32, bool) {
	for _, s := range d.Sets {
		if s.Class == holdfast.ClassSOA {
			if soa, err := s.RRset.Records[0].SOA(); err == nil {
				return soa.Serial, true
			}
		}
	}
	return 0, false
}

// good are the sets of a negative answer's proof whose signatures hold.
func good(d *judge.Denial) []*judge.Set {
	var out []*judge.Set
	for _, s := range d.Sets {
		if s.Class == holdfast.ClassDenial && s.Status == holdfast.Secure {
			out = append(out, s)
		}
	}
	return out
}

// version is what one server showed of the chain of one serial.
type version struct {
	plain    plain
	hashed   []hashedRecord
	evidence []int
}

// versions gathers a server's proven records by serial, so that a zone that
// changes while it is asked does not seem to contradict itself.
func versions(c *judge.Case, sc *judge.ServerChain) []*version {
	bySerial := make(map[uint32]*version)
	var out []*version
	for _, d := range allDenials(sc) {
		serial, known := serialOf(d)
		sets := good(d)
		if !known || len(sets) == 0 {
			continue
		}
		v := bySerial[serial]
		if v == nil {
			v = &version{}
			bySerial[serial] = v
			out = append(out, v)
		}
		v.plain = append(v.plain, readNSEC(sets)...)
		v.hashed = append(v.hashed, readNSEC3(sets, c.Zone).records...)
		v.evidence = union(v.evidence, []int{d.Exchange})
	}
	return out
}

func denialChain() judge.Check {
	return judge.Check{
		Code: codeDenialChain, Name: "denial-chain-wrong", Severity: holdfast.SeverityError,
		Reference: "RFC 4034 section 4.1.1, RFC 5155 section 7.1",
		Summary:   "the NSEC or NSEC3 records of one version of the zone do not contradict each other, and the last NSEC leads back to the apex",
		Unless:    []string{codeDenialExists, codeDenialWrong},
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				for _, v := range versions(c, sc) {
					if text := v.fault(c.Zone); text != "" {
						g.add(holdfast.Finding{
							Severity: holdfast.SeverityError, Server: sc.Server, RRset: holdfast.ClassDenial, EDE: edeBogus, Evidence: v.evidence,
							Text: text + ": resolvers that deny by what they have kept (RFC 8198) deny names that exist",
						})
					}
				}
			}
			return g.spread(c.Chain.Reachable(), holdfast.SeverityError)
		},
	}
}

// fault says how the records of a version contradict each other, empty where
// they do not.
func (v *version) fault(zone holdfast.Name) string {
	for i := range v.plain {
		a := &v.plain[i]
		if !a.Next.IsSubdomainOf(zone) {
			return "an NSEC record leads out of the zone"
		}
		if a.Next != zone && wire.CompareNames(a.Next, a.owner) <= 0 {
			return "the last NSEC record does not lead back to the apex"
		}
		for j := range v.plain {
			b := &v.plain[j]
			if a.covers(b.owner, zone) || a.owner == b.owner && a.Next != b.Next {
				return "NSEC records overlap: one denies a name at which another stands"
			}
		}
	}
	for i := range v.hashed {
		a := &v.hashed[i]
		for j := range v.hashed {
			b := &v.hashed[j]
			if a.spans(b.owner) || bytes.Equal(a.owner, b.owner) && !bytes.Equal(a.Next, b.Next) {
				return "NSEC3 records overlap: one denies a name at which another stands"
			}
		}
	}
	return ""
}

// spans says whether a hash lies within the record's span, both ends excluded;
// the last record of the chain points back to the first.
func (r *hashedRecord) spans(sum []byte) bool {
	after, before := bytes.Compare(r.owner, sum) < 0, bytes.Compare(sum, r.Next) < 0
	if bytes.Compare(r.owner, r.Next) < 0 {
		return after && before
	}
	return (after || before) && !bytes.Equal(sum, r.owner)
}

// atApex are the types that a negative answer's records list at the apex; made
// says that the record was made for the answer (RFC 4470, RFC 9824), so that
// it need not list what it is not asked for. False where none stands there.
func atApex(c *judge.Case, d *judge.Denial) (types []wire.Type, made, found bool) {
	sets := good(d)
	if r := readNSEC(sets).match(c.Zone); r != nil {
		return r.Types, strings.HasPrefix(string(r.Next), `\000.`) && r.Next.Parent() == c.Zone, true
	}
	h := readNSEC3(sets, c.Zone)
	if h.params == nil || d.Fault == judge.DenialIterations {
		return nil, false, false
	}
	if r := h.match(c.Zone); r != nil {
		next := slices.Clone(r.owner)
		for i := len(next) - 1; i >= 0; i-- {
			if next[i]++; next[i] != 0 {
				break
			}
		}
		return r.Types, bytes.Equal(next, r.Next), true
	}
	return nil, false, false
}

func bitmapUntrue() judge.Check {
	return judge.Check{
		Code: codeBitmap, Name: "type-bitmap-untrue", Severity: holdfast.SeverityError,
		Reference: "RFC 4034 section 4.1.2, RFC 5155 section 3.2.1",
		Summary:   "the NSEC or NSEC3 record at the apex lists the types that are there, and no others",
		Unless:    []string{codeDenialExists},
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			worst := holdfast.SeverityWarning
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				if failsAlike(sc, judge.DenialExists) {
					continue
				}
				for _, d := range sc.Denials {
					if f, found := untrue(c, sc, d); found {
						g.add(f)
						worst = max(worst, f.Severity)
						break
					}
				}
			}
			return g.spread(c.Chain.Reachable(), worst)
		},
	}
}

// untrue holds the bitmap in one negative answer to what else the server
// answers about the apex in the same version of the zone.
func untrue(c *judge.Case, sc *judge.ServerChain, d *judge.Denial) (holdfast.Finding, bool) {
	listed, made, found := atApex(c, d)
	serial, known := serialOf(d)
	soa, asked := c.SOA(sc.Server)
	if !found || !known || !asked || soa.Serial != serial {
		return holdfast.Finding{}, false
	}
	there, absent, evidence := apexTypes(c, sc)
	there = append(there, wire.TypeRRSIG)
	if d.Kind == judge.DenialNSEC {
		there = append(there, wire.TypeNSEC)
	}
	var missing, extra []string
	for _, t := range there {
		if !slices.Contains(listed, t) {
			missing = addText(missing, t.String())
		}
	}
	for _, t := range absent {
		if slices.Contains(listed, t) && !made {
			extra = addText(extra, t.String())
		}
	}
	f := holdfast.Finding{Server: sc.Server, RRset: holdfast.ClassDenial, Evidence: union([]int{d.Exchange}, evidence)}
	switch {
	case len(missing) > 0:
		f.Severity = holdfast.SeverityError
		f.Text = fmt.Sprintf("the %s record at the apex does not list %s, which is there: resolvers that deny by what they have kept (RFC 8198) deny it", kindName(d), strings.Join(missing, ", "))
	case len(extra) > 0:
		f.Severity = holdfast.SeverityWarning
		f.Text = fmt.Sprintf("the %s record at the apex lists %s, which the server answers is not there", kindName(d), strings.Join(extra, ", "))
	}
	return f, f.Text != ""
}

// apexTypes are the types that the server answers for the apex, and those that
// it proves absent.
func apexTypes(c *judge.Case, sc *judge.ServerChain) (there, absent []wire.Type, evidence []int) {
	see := func(r judge.Reply) {
		q := r.Exchange.Question
		if r.Exchange.Server != sc.Server || q.Name != c.Zone || !r.OK() || !r.Message.Authoritative {
			return
		}
		if t := wire.Type(q.Type); c.Answer(r, c.Zone, t) != nil {
			there = append(there, t)
			evidence = append(evidence, r.Index)
		} else if r.Message.Rcode == wire.NoError && len(r.Message.Answer) == 0 {
			absent = append(absent, t)
			evidence = append(evidence, r.Index)
		}
	}
	for _, purpose := range append([]holdfast.Purpose{holdfast.PurposeDNSKEY, holdfast.PurposeApex}, ownPurposes[:]...) {
		for _, r := range c.Replies(c.Zone, purpose) {
			see(r)
		}
	}
	return there, absent, evidence
}

func compactDenial() judge.Check {
	return judge.Check{
		Code: codeCompact, Name: "compact-denial", Severity: holdfast.SeverityInfo,
		Reference: "RFC 9824 section 3.1",
		Summary:   "names that do not exist are denied by one NSEC record made for the answer (compact denial of existence)",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return noteDenials(c, "the zone answers for names that do not exist by compact denial: NOERROR, and an NSEC record of the name itself", func(d *judge.Denial) bool {
				r := readNSEC(d.Sets).match(d.Question.Name)
				return r != nil && d.Question.Name != c.Zone && (slices.Contains(r.Types, typeNXNAME) || r.Next == `\000.`+d.Question.Name)
			})
		},
	}
}

func optOut() judge.Check {
	return judge.Check{
		Code: codeOptOut, Name: "opt-out", Severity: holdfast.SeverityInfo,
		Reference: "RFC 5155 section 6",
		Summary:   "NSEC3 records have the opt-out flag: unsigned delegations have no records of their own",
		Judge: func(c *judge.Case) []holdfast.Finding {
			return noteDenials(c, "the zone uses NSEC3 with opt-out: unsigned delegations below it can be added or taken away without anybody's seeing it in the proofs", func(d *judge.Denial) bool {
				return slices.ContainsFunc(readNSEC3(d.Sets, c.Zone).records, func(r hashedRecord) bool { return r.OptOut })
			})
		},
	}
}

// noteDenials is one finding, worth knowing, where any negative answer fits.
func noteDenials(c *judge.Case, text string, fits func(*judge.Denial) bool) []holdfast.Finding {
	f := holdfast.Finding{Severity: holdfast.SeverityInfo, RRset: holdfast.ClassDenial, Text: text}
	for i := range c.Chain.Servers {
		if at := slices.IndexFunc(allDenials(&c.Chain.Servers[i]), fits); at >= 0 {
			f.Evidence = append(f.Evidence, allDenials(&c.Chain.Servers[i])[at].Exchange)
		}
	}
	if len(f.Evidence) == 0 {
		return nil
	}
	return []holdfast.Finding{f}
}

func deepDenial() judge.Check {
	return judge.Check{
		Code: codeDeepDenial, Name: "deep-denial-wrong", Severity: holdfast.SeverityError,
		Reference: "RFC 5155 section 7.2, RFC 4035 section 3.1.3",
		Summary:   "answers about names further below are proven too: the closest encloser, empty non-terminals, wildcards",
		Unless:    []string{codeDenialMissing, codeDenialWrong, codeDenialUnsigned, codeDenialExists, codeDenialChain, codeNoMatch, codeNotSignedByDS, codeUnsigned},
		Judge: func(c *judge.Case) []holdfast.Finding {
			g := &gathered{}
			for i := range c.Chain.Servers {
				sc := &c.Chain.Servers[i]
				if sc.Status == holdfast.Bogus {
					continue // told already
				}
				for _, probe := range sc.Probes {
					d := probe.Denial
					if d == nil || d.Fault != judge.DenialMissing && d.Fault != judge.DenialWrong && d.Fault != judge.DenialExists || failsAlike(sc, d.Fault) {
						continue
					}
					g.add(holdfast.Finding{
						Severity: holdfast.SeverityError, Server: sc.Server, RRset: holdfast.ClassDenial, EDE: d.EDE, Evidence: []int{d.Exchange},
						Text: "answers for " + deeper(probe) + " " + deepFault(d),
					})
				}
			}
			return g.spread(c.Chain.Reachable(), holdfast.SeverityError)
		},
	}
}

func deeper(p judge.Probe) string {
	switch {
	case p.Purpose == holdfast.PurposeNXDeep:
		return "a name two labels below one that does not exist"
	case p.Denial.Positive:
		return "a name made from a wildcard"
	}
	return "names and types sampled in the zone"
}

func deepFault(d *judge.Denial) string {
	switch d.Fault {
	case judge.DenialMissing:
		return "carry no NSEC or NSEC3 record"
	case judge.DenialExists:
		return "show by their own proof that what they deny exists"
	}
	return "are not proven by their " + kindName(d) + " records, though simpler ones are"
}
