package past

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func foldServers(c *judge.Case) []holdfast.ServerPast { return c.Past.Servers }
