package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) rolloverMake() *cobra.Command {
	o := app.RolloverMakeOptions{}
	cmd := &cobra.Command{
		Use:   "make FILE...",
		Short: "Make a play of signed key responses, or of the KSK operator's schemas",
		Long: `make prints the play that files of the root's key-signing key operator describe:
signed key responses (SKR, XML), one after the other, or some schemas of the
configuration of its tools (ksrsigner.yaml: publish, sign and revoke by slot). Each
bundle or slot in which something changes is a step; a day of theirs lasts as long
as --day says, and the timers of RFC 5011 shrink alike. Private halves being
elsewhere, the keys are new ones of the same algorithm, length and key tag.

"holdfast rollover run" performs what it prints. Nothing in the files is verified:
"holdfast anchors skr" does that.`,
		Example: `  holdfast rollover make skr-root-2018-q1-0-d_to_e.xml --lead 40 > switch.play
  holdfast rollover make ksrsigner.yaml --schema pre-publish,rollover,revoke > roll.play
  holdfast rollover run switch.play`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			o.Files, o.JSON = given, c.json
			return app.RolloverMake(c.world, o)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Schemas, "schema", nil, "quarters by the `names` of their schemas, one after the other")
	f.DurationVar(&o.Day, "day", time.Second, "how long a day of the files lasts: 1s makes a quarter of a minute and a half")
	f.IntVar(&o.Lead, "lead", 0, "`days` by which the first step is longer: its keys may have been there long before")
	f.StringVar(&o.Name, "name", "", "the play's `name`")
	return cmd
}
