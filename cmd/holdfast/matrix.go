package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) rolloverMatrix() *cobra.Command {
	o := app.MatrixOptions{}
	cmd := &cobra.Command{
		Use:   "matrix FILE...",
		Short: "Judge kept rehearsals: what was due by the RFCs, what resolvers did",
		Long: `matrix reads the evidence of rehearsals that "holdfast rollover run" kept and
compares each step, resolver and quantity with what the RFCs ask for: RFC 5011
where a resolver follows it, the plain chain of trust where it trusts what it was
given, RFC 8509 for sentinel names. No resolver is started, and nothing that one
did before counts as expected. What no clause settles is called open.

Exit code 0: all agree, or are open. 1: a resolver did otherwise. 4: the evidence
is not understood.`,
		Example: `  holdfast rollover matrix plain.jsonl.gz
  holdfast rollover matrix --all n1-early-switch.jsonl.gz
  holdfast rollover matrix --page matrix.html testdata/rehearsal/*.jsonl.gz`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) (err error) {
			o.Files, o.JSON = given, c.json
			c.exit, err = app.RolloverMatrix(c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Page, "page", "", "write a page with time lines to this `file` (HTML, needs nothing else)")
	f.BoolVar(&o.All, "all", false, "print every cell, those that agree too")
	return cmd
}
