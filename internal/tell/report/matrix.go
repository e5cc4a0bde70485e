package report

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

//go:embed assets/matrix.html
var matrixAssets embed.FS

// MatrixPage writes a page of HTML about judged rehearsals: a table of plays and
// resolvers, and for each play the time lines of the resolvers and every cell. It
// needs no other file and no JavaScript.
func MatrixPage(out io.Writer, judged []holdfast.Matrix) error {
	page, err := template.ParseFS(matrixAssets, "assets/matrix.html")
	if err != nil {
		return fmt.Errorf("write page of rehearsals: %w", err)
	}
	data := struct {
		Columns []string
		Rows    []matrixRow
		Plays   []matrixPlay
	}{Columns: actorsOf(judged)}
	for _, m := range judged {
		data.Rows = append(data.Rows, newMatrixRow(m, data.Columns))
		data.Plays = append(data.Plays, newMatrixPlay(m))
	}
	if err := page.Execute(out, data); err != nil {
		return fmt.Errorf("write page of rehearsals: %w", err)
	}
	return nil
}

// actorsOf are the resolvers of all rehearsals, in the order in which they come.
func actorsOf(judged []holdfast.Matrix) []string {
	var out []string
	for _, m := range judged {
		for _, a := range m.Actors {
			if !slices.Contains(out, a.Name) {
				out = append(out, a.Name)
			}
		}
	}
	return out
}

// matrixRow is one play in the table.
type matrixRow struct {
	Anchor, Title, Clock string
	Fields               []matrixField
}

// matrixField is how one resolver fared in one play.
type matrixField struct {
	Class, Word string // agreement
	End         string // how signed names fared at the end
}

func newMatrixRow(m holdfast.Matrix, columns []string) matrixRow {
	row := matrixRow{Anchor: anchorOf(m), Title: m.Play.Title, Clock: m.Clock}
	for _, name := range columns {
		row.Fields = append(row.Fields, newMatrixField(m, name))
	}
	return row
}

func newMatrixField(m holdfast.Matrix, actor string) matrixField {
	e, ok := m.End(actor)
	if !ok {
		return matrixField{Class: "absent", Word: "did not play"}
	}
	f := matrixField{Class: string(e.Agreement), Word: agreementWord(e.Agreement), End: string(e.Seen)}
	if e.Agreement == holdfast.Deviates && onlyTTL(m, actor) {
		f.Word = "deviates (TTL)"
	}
	if e.Due != "" && e.Seen != "" && e.Due != e.Seen {
		f.End += " (" + string(e.Due) + " was due)"
	}
	return f
}

// onlyTTL says that a resolver departs in nothing but how long it holds keys: that
// shows where TTLs are of seconds, and makes no difference where they are of days.
func onlyTTL(m holdfast.Matrix, actor string) bool {
	return !slices.ContainsFunc(m.Cells, func(c holdfast.MatrixCell) bool {
		return c.Actor == actor && c.Agreement == holdfast.Deviates && c.Clause != "RFC 4035 section 5.3.3"
	})
}

// agreementWord is for people.
func agreementWord(a holdfast.Agreement) string {
	if a == holdfast.NotSeen {
		return "not seen"
	}
	return string(a)
}

// anchorOf names a rehearsal within a page: the same play may have been performed
// by several clocks.
func anchorOf(m holdfast.Matrix) string {
	if m.Clock == "" || m.Clock == "accelerated" {
		return m.Play.Name
	}
	return m.Play.Name + "-" + m.Clock
}

// matrixPlay is one rehearsal on the page.
type matrixPlay struct {
	Anchor   string
	M        holdfast.Matrix
	When     string
	Length   string
	Cut      string
	Steps    []matrixStep
	Pictures []matrixPicture
	Findings []matrixFinding
	Skipped  []holdfast.Actor
	Cells    []matrixCell
	Queries  []matrixQueries
	Acts     []matrixAct
}

// matrixStep is a step in words.
type matrixStep struct{ Name, At, Text, Publish, Sign, Revoke, Acts string }

// matrixFinding is a departure, or something that is left open.
type matrixFinding struct {
	Class, Actor, Where, Clause, Text, Evidence string
}

// matrixCell is a row of the table of all cells.
type matrixCell struct {
	holdfast.MatrixCell
	Expected, Observed, Class string
}

// matrixQueries is how often a resolver asked for the keys in each step.
type matrixQueries struct {
	Actor string
	Rates []string // a second, by step
}

// matrixAct is what was done to a resolver, and what came of it.
type matrixAct struct{ At, Actor, Act, Exit, Said string }

func newMatrixPlay(m holdfast.Matrix) matrixPlay {
	p := matrixPlay{
		Anchor: anchorOf(m), M: m, When: m.Started.UTC().Format("2006-01-02 15:04 UTC"), Length: playTime(m.Play.Length),
		Steps: matrixSteps(m), Queries: queryRates(m),
	}
	if m.Cut > 0 {
		p.Cut = playTime(m.Cut)
	}
	for _, a := range m.Actors {
		if a.Skipped != "" {
			a.Skipped = firstLine(a.Skipped)
			p.Skipped = append(p.Skipped, a)
			continue
		}
		p.Pictures = append(p.Pictures, newMatrixPicture(m, a))
	}
	for _, of := range []holdfast.Agreement{holdfast.Deviates, holdfast.Open} {
		for _, g := range m.Groups(of) {
			p.Findings = append(p.Findings, newMatrixFinding(m, g))
		}
	}
	for _, c := range m.Cells {
		p.Cells = append(p.Cells, matrixCell{c, arrows(c.Expected), arrows(c.Observed), string(c.Agreement)})
	}
	for _, a := range m.Acts {
		if a.Actor == "" {
			continue
		}
		act := matrixAct{At: playTime(a.After), Actor: a.Actor, Act: strings.TrimSpace(string(a.Act.Do) + " " + a.Act.With), Said: firstLine(a.Said)}
		if a.Act.Do == holdfast.ActBootstrap {
			act.Exit = fmt.Sprint(a.Exit)
		}
		p.Acts = append(p.Acts, act)
	}
	return p
}

// firstLine keeps what a program said short.
func firstLine(text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if len(line) > 160 {
		line, more = strings.ToValidUTF8(line[:160], ""), true
	}
	if more {
		line += " …"
	}
	return line
}

func newMatrixFinding(m holdfast.Matrix, g holdfast.MatrixGroup) matrixFinding {
	c := g.First
	f := matrixFinding{
		Class: string(c.Agreement), Actor: actorName(m, g.Actor), Where: strings.Join(g.Steps, ", ") + ": " + quantities(g),
		Text: c.Why, Evidence: strings.Join(c.Evidence, ", "),
	}
	if c.Agreement == holdfast.Deviates {
		f.Clause = c.Clause
	}
	if c.Meaning != "" {
		f.Text += ": " + c.Meaning
	}
	if c.Agreement == holdfast.Open {
		f.Text += signedSeen(m, g)
	}
	return f
}

// quantities names those of a group, where they are few.
func quantities(g holdfast.MatrixGroup) string {
	const few = 6
	if len(g.Quantities) > few {
		return "all that is compared"
	}
	return strings.Join(g.Quantities, ", ")
}

// signedSeen says how signed names fared in the steps of a group: of what is left
// open, what was seen is all there is to tell.
func signedSeen(m holdfast.Matrix, g holdfast.MatrixGroup) string {
	var words []string
	for _, c := range m.Cells {
		if c.Actor == g.Actor && c.Quantity == holdfast.Quantity(holdfast.ProbeSigned) && slices.Contains(g.Steps, c.Step) {
			words = append(words, c.Step+" "+arrows(c.Observed))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return ". Signed names: " + strings.Join(words, "; ")
}

// actorName is a resolver with its version.
func actorName(m holdfast.Matrix, name string) string {
	for _, a := range m.Actors {
		if a.Name == name && a.Version != "" {
			return name + " " + a.Version
		}
	}
	return name
}

func matrixSteps(m holdfast.Matrix) []matrixStep {
	var out []matrixStep
	for _, s := range m.Play.Steps {
		var acts []string
		for _, a := range s.Acts {
			acts = append(acts, strings.TrimSpace(string(a.Do)+" "+a.With))
		}
		out = append(out, matrixStep{
			Name: s.Name, At: playTime(s.At), Text: s.Text, Publish: strings.Join(s.Publish, ", "), Sign: strings.Join(s.Sign, ", "),
			Revoke: strings.Join(s.Revoke, ", "), Acts: strings.Join(acts, ", "),
		})
	}
	return out
}

// queryRates are the questions for the root's keys, a second, by resolver and
// step.
func queryRates(m holdfast.Matrix) []matrixQueries {
	var out []matrixQueries
	for _, a := range m.Actors {
		q := matrixQueries{Actor: a.Name}
		for _, s := range m.Play.Steps {
			i := slices.IndexFunc(m.Queries, func(c holdfast.QueryCount) bool { return c.Actor == a.Name && c.Step == s.Name })
			if i < 0 || m.Queries[i].Seconds <= 0 {
				q.Rates = append(q.Rates, "-")
				continue
			}
			q.Rates = append(q.Rates, fmt.Sprintf("%.2f", float64(m.Queries[i].Keys)/m.Queries[i].Seconds))
		}
		if slices.ContainsFunc(q.Rates, func(r string) bool { return r != "-" }) {
			out = append(out, q)
		}
	}
	return out
}

// arrows writes values that came one after the other.
func arrows(values []string) string { return cmp.Or(strings.Join(values, " → "), "–") }

// playTime writes an instant or a length of a play: seconds, or days where it is
// long.
func playTime(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f d", d.Hours()/24)
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
