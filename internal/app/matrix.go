package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/anchor"
	"github.com/holdfastdns/holdfast/internal/lab/rehearsal"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
)

// MatrixOptions are those of `holdfast rollover matrix`.
type MatrixOptions struct {
	Files []string // evidence of rehearsals; "-" is standard input
	Page  string   // write a page of HTML there; empty: none
	All   bool     // print every cell
	JSON  bool
}

// judgedRehearsals is what `rollover matrix --json` prints.
type judgedRehearsals struct {
	Matrices []holdfast.Matrix `json:"matrices"`
}

// RolloverMatrix judges kept rehearsals and says where resolvers did otherwise
// than the RFCs ask. It answers Warned where one did.
func RolloverMatrix(w World, o MatrixOptions) (Exit, error) {
	var judged []holdfast.Matrix
	for _, file := range o.Files {
		m, err := judgeRehearsal(w, file)
		if err != nil {
			return Unworked, err
		}
		judged = append(judged, m)
	}
	if o.Page != "" {
		if err := writeMatrixPage(o.Page, judged); err != nil {
			return Unworked, err
		}
	}
	exit := matrixExit(judged)
	if o.JSON {
		out := json.NewEncoder(w.Stdout)
		out.SetIndent("", "  ")
		return exit, out.Encode(judgedRehearsals{judged})
	}
	for i, m := range judged {
		if i > 0 {
			if _, err := io.WriteString(w.Stdout, "\n"); err != nil {
				return Unworked, err
			}
		}
		if err := writeMatrix(w.Stdout, m, paint(w.Terminal), o.All); err != nil {
			return Unworked, err
		}
	}
	return exit, nil
}

// matrixExit is Warned where something deviates: no resolver is broken by that,
// and somebody wants to know.
func matrixExit(judged []holdfast.Matrix) Exit {
	for _, m := range judged {
		for _, e := range m.Ends {
			if e.Agreement == holdfast.Deviates {
				return Warned
			}
		}
	}
	return Healthy
}

func judgeRehearsal(w World, file string) (m holdfast.Matrix, err error) {
	in := w.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return m, advise(err, "name files that `holdfast rollover run` wrote")
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		in = f
	}
	r, err := rehearsal.Read(in, file)
	if err != nil {
		return m, advise(err, "the evidence of a rehearsal is what `holdfast rollover run` writes; docs/formats/rehearsal.md has its form")
	}
	if m, err = anchor.Judge(r); err != nil {
		return m, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

func writeMatrixPage(file string, judged []holdfast.Matrix) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return reports.MatrixPage(f, judged)
}

// writeMatrix prints a judged rehearsal: who came through, who did otherwise than
// the RFCs ask, and what they leave open.
func writeMatrix(out io.Writer, m holdfast.Matrix, p paint, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", p.bold(m.Play.Name), m.Play.Title)
	fmt.Fprintf(&b, "%s\n", p.dim(fmt.Sprintf("rehearsed %s, clock %s, %s by the play's time", instant(m.Started), m.Clock, playTime(m.Play.Length))))
	if m.Cut > 0 {
		fmt.Fprintf(&b, "The rehearsal was cut short after %s: what comes later was not seen.\n", playTime(m.Cut))
	}
	b.WriteByte('\n')
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RESOLVER\tVERSION\tRFC\tSIGNED NAMES AT THE END\tFAILED FOR\tCOMPARED")
	for _, a := range m.Actors {
		if a.Skipped != "" {
			why, _, _ := strings.Cut(a.Skipped, "\n")
			fmt.Fprintf(table, "%s\t-\tdid not play\t%s\t\t\n", a.Name, why)
			continue
		}
		e, _ := m.End(a.Name)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\n", a.Name, orDash(a.Version), e.Agreement, endWords(e), failedFor(e), e.Cells)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	writeGroups(&b, m, holdfast.Deviates, "Otherwise than the RFC asks", p)
	writeGroups(&b, m, holdfast.Open, "Left open: no clause settles what is due", p)
	if all {
		if err := writeCells(&b, m); err != nil {
			return err
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// endWords says how signed names fared at the end, and how they were to.
func endWords(e holdfast.MatrixEnd) string {
	switch {
	case e.Seen == "":
		return "not seen"
	case e.Due == "":
		return string(e.Seen)
	case e.Due == e.Seen:
		return string(e.Seen) + ", as due"
	}
	return fmt.Sprintf("%s, %s was due", e.Seen, e.Due)
}

func failedFor(e holdfast.MatrixEnd) string {
	if e.Failed == 0 {
		return "-"
	}
	return playTime(e.Failed)
}

// playTime writes a length of a play for people: seconds, or days where it is
// long.
func playTime(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f d", d.Hours()/24)
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

func writeGroups(b *strings.Builder, m holdfast.Matrix, of holdfast.Agreement, title string, p paint) {
	groups := m.Groups(of)
	if len(groups) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", p.bold(title))
	for _, g := range groups {
		c := g.First
		fmt.Fprintf(b, "  %s, %s, %s", p.bold(g.Actor), strings.Join(g.Steps, " "), strings.Join(g.Quantities, ", "))
		if of == holdfast.Deviates {
			fmt.Fprintf(b, " (%s)", c.Clause)
		}
		fmt.Fprintf(b, "\n    %s", c.Why)
		if c.Meaning != "" {
			fmt.Fprintf(b, ":\n    %s", c.Meaning)
		}
		if len(c.Evidence) > 0 {
			fmt.Fprintf(b, "\n    %s", p.dim("evidence: "+strings.Join(c.Evidence, ", ")))
		}
		b.WriteByte('\n')
	}
}

func writeCells(b *strings.Builder, m holdfast.Matrix) error {
	b.WriteByte('\n')
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tRESOLVER\tQUANTITY\tEXPECTED\tOBSERVED\t\tCLAUSE")
	for _, c := range m.Cells {
		source := c.Title()
		if c.Source != "" {
			source += " (" + c.Source + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Step, c.Actor, source, arrows(c.Expected), arrows(c.Observed), c.Agreement, c.Clause)
	}
	return table.Flush()
}

// arrows writes what came one after the other.
func arrows(values []string) string {
	if len(values) == 0 {
		return "-"
	}
	return strings.Join(slices.Clone(values), " > ")
}
