package web

import (
	"html/template"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/holdfastdns/holdfast"
)

// index is the page of all checks: what docs/checks/README.md says, with a
// table of contents, and a place to link to for each group and each check.
type index struct {
	Title  string
	Groups []checkGroup
	Body   template.HTML
}

// checkGroup is a section that lists checks.
type checkGroup struct {
	ID, Title string
	Families  string // "CON, NSB"
	Checks    int
}

func newIndex(page []byte) (index, error) {
	renderer := newMarkdown()
	tree := renderer.Parser().Parse(text.NewReader(page))
	out := index{Title: "Checks"}
	var group checkGroup
	keep := func() {
		if group.Checks > 0 {
			out.Groups = append(out.Groups, group)
		}
	}
	for n := tree.FirstChild(); n != nil; {
		next := n.NextSibling()
		switch n := n.(type) {
		case *ast.Heading:
			switch n.Level {
			case 1:
				out.Title = textOf(n, page)
				tree.RemoveChild(tree, n) // it stands above the contents
			case 2:
				keep()
				group = checkGroup{Title: textOf(n, page)}
				group.ID = slug(group.Title)
				n.SetAttributeString("id", []byte(group.ID))
			}
		case *extast.Table:
			group.list(n, page)
		}
		n = next
	}
	keep()
	var err error
	out.Body, err = renderMarkdown(renderer, page, tree)
	return out, err
}

// list takes in a table of checks: each row can be linked to by its code, and
// its severity looks as it does elsewhere.
func (g *checkGroup) list(table *extast.Table, page []byte) {
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		cell := row.FirstChild()
		if cell == nil {
			continue
		}
		link, ok := cell.FirstChild().(*ast.Link)
		if !ok {
			continue
		}
		code, ok := codeOf(string(link.Destination))
		if !ok {
			continue
		}
		g.Checks++
		if known := familyOf(code); !slices.Contains(strings.Split(g.Families, ", "), known) {
			g.Families = strings.TrimPrefix(g.Families+", "+known, ", ")
		}
		row.SetAttributeString("id", []byte(code))
		if cell = cell.NextSibling(); cell == nil {
			continue
		}
		if severity, err := holdfast.ParseSeverity(textOf(cell, page)); err == nil {
			cell.SetAttributeString("class", []byte("cell "+severity.String()))
		}
	}
}

// textOf is the plain text within a node.
func textOf(n ast.Node, page []byte) string {
	var out strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			out.Write(t.Value(page))
			continue
		}
		out.WriteString(textOf(child, page))
	}
	return out.String()
}

// slug is a title as the end of an address: "Algorithms and keys" is
// "algorithms-and-keys".
func slug(title string) string {
	fields := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return "checks-" + strings.Join(fields, "-")
}
