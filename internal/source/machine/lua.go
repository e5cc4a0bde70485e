package machine

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// call is a call in a Lua configuration: what is called, and the text of its
// arguments. Lua is a language; only calls that stand by themselves are read,
// and what a program computes is not known.
type call struct {
	name   string
	args   []string // those that are strings
	raw    string
	place  string
	nested bool // within a condition, a function or a loop, as its indentation tells
}

func (c call) setting() holdfast.Setting {
	return holdfast.Setting{Name: c.name, Value: strings.Join(strings.Fields(c.raw), " "), Place: c.place}
}

func (c call) arg(n int) string {
	if n < len(c.args) {
		return c.args[n]
	}
	return ""
}

var (
	luaCall   = regexp.MustCompile(`(?:^|[^\w.:])([A-Za-z_][\w.]*)\s*(\(|=|'|")`)
	luaString = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|\[\[([^\]]*)\]\]`)
)

// readLua reads the calls and assignments of a Lua file, those of the files
// that it runs by dofile among them.
func (t *Tree) readLua(name string, depth int) (calls []call, files []string, err error) {
	text, err := t.read(name)
	if err != nil {
		return nil, nil, err
	}
	if depth > maxDepth {
		return nil, nil, fmt.Errorf("read %s: files run each other more than %d deep", name, maxDepth)
	}
	files = []string{name}
	for number, line := range luaLines(string(text)) {
		for _, c := range luaCalls(line) {
			c.place = fmt.Sprintf("%s:%d", name, number)
			if c.name != "dofile" {
				calls = append(calls, c)
				continue
			}
			other := c.arg(0)
			if !path.IsAbs(other) {
				other = path.Join(path.Dir(name), other)
			}
			more, read, err := t.readLua(other, depth+1)
			if err != nil || len(files) > maxIncludes {
				calls = append(calls, c) // what it would have said is not known
				continue
			}
			calls, files = append(calls, more...), append(files, read...)
		}
	}
	return calls, files, nil
}

// luaLines hands out the lines of a Lua text without comments, each statement
// of several lines joined to its first: its parentheses tell where it ends.
func luaLines(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		text = regexp.MustCompile(`(?s)--\[\[.*?\]\]`).ReplaceAllStringFunc(text, func(comment string) string {
			return strings.Repeat("\n", strings.Count(comment, "\n"))
		})
		held, start, depth, number := "", 0, 0, 0
		for line := range strings.Lines(text) {
			number++
			line = uncommentLua(strings.TrimRight(line, "\r\n"))
			if held == "" {
				start = number
			}
			held += line + " "
			bare := luaString.ReplaceAllString(line, "")
			depth += strings.Count(bare, "(") + strings.Count(bare, "{") - strings.Count(bare, ")") - strings.Count(bare, "}")
			if depth > 0 && number-start < 1000 {
				continue
			}
			depth = 0
			if strings.TrimSpace(held) != "" && !yield(start, held) {
				return
			}
			held = ""
		}
		if strings.TrimSpace(held) != "" {
			yield(start, held)
		}
	}
}

func uncommentLua(line string) string {
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && strings.HasPrefix(line[i:], "--"):
			return line[:i]
		}
	}
	return line
}

func luaCalls(line string) []call {
	var out []call
	for _, m := range luaCall.FindAllStringSubmatchIndex(line, -1) {
		c := call{name: line[m[2]:m[3]], nested: line[0] == ' ' || line[0] == '\t'}
		rest := line[m[4]:]
		if rest[0] == '(' {
			rest = rest[:luaEnd(rest)]
		}
		c.raw = rest
		for _, s := range luaString.FindAllStringSubmatch(rest, 100) {
			c.args = append(c.args, s[1]+s[2]+s[3])
		}
		out = append(out, c)
	}
	return out
}

// luaEnd is where the parenthesis that a text begins with is closed.
func luaEnd(text string) int {
	depth := 0
	bare := luaString.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("x", len(s)) })
	for i := range len(bare) {
		switch bare[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
