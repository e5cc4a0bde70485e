package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) testbedZones(o *app.TestbedOptions) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use: "zones", Short: "List the zones that roll their keys, who follows them and what was reported", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.JSON = c.json
			return app.TestbedZones(cmd.Context(), c.world, *o, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that have ended")
	return configured(cmd, &o.Config)
}
