package web

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// families are the groups of checks by the first part of their codes, in the
// order of a walk. They have a column always; others only where they found
// something, behind them.
var families = []family{
	{"DEL", "Delegation"}, {"CON", "Reached"}, {"CST", "Consistent"}, {"CHN", "Chain"},
	{"SIG", "Signatures"}, {"NEG", "Denial"}, {"ALG", "Algorithms"},
}

// otherFamilies are the names of those that have a column now and then.
var otherFamilies = []family{
	{"NSB", "Behaviour"}, {"ZON", "Zone data"}, {"ROL", "Rollover"}, {"INT", "Content"},
	{"NET", "Networks"}, {"SYN", "Names"}, {"REG", "Contacts"}, {"SELF", "The watch"},
}

type family struct{ Code, Text string }

// matrix is servers by families of checks.
type matrix struct {
	Families   []family
	Zone       []matrixCell // findings about the zone as a whole
	Rows       []matrixRow
	Suppressed []suppressed
}

type matrixRow struct {
	Server  holdfast.ServerVerdict
	Judged  bool // it is one of the zone's own servers, with a verdict
	Serial  string
	FailsAt time.Time
	Cells   []matrixCell
}

// matrixCell says what one family of checks found at one server.
type matrixCell struct {
	Class, Word string
	Findings    []cellFinding
}

// cellFinding is one check's findings at one server, which may be several: one
// a class of records.
type cellFinding struct{ Href, Code, Title, Classes string }

// suppressed are checks that were not run for one cause.
type suppressed struct {
	Codes []string
	Cause string
}

func familyOf(code string) string {
	prefix, _, _ := strings.Cut(code, "-")
	return prefix
}

func findingID(index int) string { return fmt.Sprintf("finding-%d", index) }

func newMatrix(v holdfast.Verdict) matrix {
	m := matrix{Families: columns(v), Suppressed: suppressions(v)}
	m.Zone = m.cells(v, holdfast.Server{}, true)
	for _, server := range v.Servers {
		row := matrixRow{Server: server, Judged: true, FailsAt: server.FailsAt, Cells: m.cells(v, server.Server, server.Status != holdfast.Unreached)}
		if server.Known {
			row.Serial = fmt.Sprint(server.Serial)
		}
		m.Rows = append(m.Rows, row)
	}
	// Findings may speak of servers that are not the zone's own: its parent's.
	for _, f := range v.Findings {
		if f.Server != (holdfast.Server{}) && !slices.ContainsFunc(m.Rows, func(r matrixRow) bool { return r.Server.Server == f.Server }) {
			m.Rows = append(m.Rows, matrixRow{Server: holdfast.ServerVerdict{Server: f.Server}, Cells: m.cells(v, f.Server, false)})
		}
	}
	return m
}

// columns are the families that a verdict has something to say of.
func columns(v holdfast.Verdict) []family {
	out := slices.Clone(families)
	for _, known := range otherFamilies {
		if slices.ContainsFunc(v.Findings, func(f holdfast.Finding) bool { return familyOf(f.Code) == known.Code }) {
			out = append(out, known)
		}
	}
	for _, f := range v.Findings {
		code := familyOf(f.Code)
		if !slices.ContainsFunc(out, func(known family) bool { return known.Code == code }) {
			out = append(out, family{code, clean(code)})
		}
	}
	return out
}

// suppressions are the checks that were not run, by what kept them from it.
func suppressions(v holdfast.Verdict) []suppressed {
	byCause := map[string][]string{}
	for code, cause := range v.Suppressed {
		byCause[cause] = append(byCause[cause], code)
	}
	var out []suppressed
	for _, cause := range slices.Sorted(maps.Keys(byCause)) {
		out = append(out, suppressed{slices.Sorted(slices.Values(byCause[cause])), cause})
	}
	return out
}

// add puts a finding, by its place in the verdict, into a cell: each check once.
func (c *matrixCell) add(index int, f holdfast.Finding) {
	at := slices.IndexFunc(c.Findings, func(known cellFinding) bool { return known.Code == f.Code })
	if at < 0 {
		at = len(c.Findings)
		c.Findings = append(c.Findings, cellFinding{"#" + findingID(index), f.Code, strings.ReplaceAll(f.Name, "-", " "), ""})
	}
	known := &c.Findings[at]
	switch {
	case f.RRset == "" || slices.Contains(strings.Split(known.Classes, ", "), string(f.RRset)):
	case known.Classes == "":
		known.Classes = string(f.RRset)
	default:
		known.Classes += ", " + string(f.RRset)
	}
}

// cells are one row. A family without findings is good only where the server
// could be looked at, and where nothing is amiss with the zone as a whole.
func (m matrix) cells(v holdfast.Verdict, server holdfast.Server, seen bool) []matrixCell {
	out := make([]matrixCell, len(m.Families))
	for i, known := range m.Families {
		worst, shared := holdfast.SeverityInfo, holdfast.SeverityInfo
		cell := &out[i]
		for n, f := range v.Findings {
			if familyOf(f.Code) != known.Code {
				continue
			}
			if f.Server == (holdfast.Server{}) {
				shared = max(shared, f.Severity)
			}
			if f.Server != server {
				continue
			}
			worst = max(worst, f.Severity)
			cell.add(n, f)
		}
		switch {
		case len(cell.Findings) > 0:
			cell.Class, cell.Word = severityLevel(worst).class(), worst.String()
			if worst == holdfast.SeverityInfo {
				cell.Class = "insecure"
			}
		case shared >= holdfast.SeverityWarning:
			cell.Class, cell.Word = "unseen", "as the zone"
		case seen:
			cell.Class, cell.Word = "fine", "OK"
		default:
			cell.Class, cell.Word = "unseen", "not seen"
		}
	}
	return out
}
