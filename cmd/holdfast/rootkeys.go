package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) anchorsRoot() *cobra.Command {
	o := app.RootOptions{}
	cmd := &cobra.Command{
		Use:   "root",
		Short: "Show the root's keys now: the phase of the rollover, who signs, what comes next",
		Long: `root asks the root's servers for its keys and says which phase of a rollover they
show, who signs, how large the answer is and when its signatures die; what the
calendar has next, and where the root departs from it; and, with --skr, what signed
key responses promise. Dates that the calendar marks as planned are plans: only
what the root's servers answer is taken for what happened.`,
		Example: `  holdfast anchors root
  holdfast anchors root --skr skr-root-2027-q1-0.xml
  holdfast anchors root --from root.evidence --at 2026-10-12`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.JSON = c.json
			c.exit, err = app.AnchorsRoot(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "judge at this `instant` (RFC 3339) instead of now")
	f.StringVar(&o.From, "from", "", "take the evidence of this `file` (holdfast check . --save); ask nobody")
	f.StringVar(&o.Config, "config", "", "take limits and the calendar from this configuration `file`")
	f.StringVar(&o.TrustAnchor, "trust-anchor", "", "trust the DS or DNSKEY records of this `file` instead of IANA's")
	f.StringArrayVar(&o.SKR, "skr", nil, "a signed key response `file` to forecast by; may be given again")
	f.BoolVar(&o.Calendar, "calendar", false, "print the calendar that the program carries (docs/formats/calendar.md) and stop")
	return cmd
}

func (c *commands) anchorsSKR() *cobra.Command {
	o := app.SKROptions{}
	cmd := &cobra.Command{
		Use:   "skr FILE...",
		Short: "Verify key signing requests and signed key responses of the root, and forecast its keys",
		Long: `skr reads key signing requests (KSR) and signed key responses (SKR) of the root's
operators. It rebuilds the DNSKEY RRset of every bundle and verifies each signature
over it, holds bundles against the operators' policies, responses against their
requests, and each quarter against the response of the one before. Then it says
which DNSKEY RRset the responses promise, from when to when: keys, signers, size of
the answer, and how long its signatures outlast it.`,
		Example: `  holdfast anchors skr skr-root-2018-q1-0-d_to_e.xml
  holdfast anchors skr --days ksr-root-2027-q1-0.xml skr-root-2026-q4-0.xml skr-root-2027-q1-0.xml`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) (err error) {
			o.Files, o.JSON = given, c.json
			c.exit, err = app.AnchorsSKR(c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "hold how far the files reach ahead against this `instant` (RFC 3339)")
	f.StringVar(&o.Config, "config", "", "take the calendar from this configuration `file`")
	f.BoolVar(&o.Days, "days", false, "print each day instead of each slot")
	return cmd
}
