// Package table sets rows in columns.
package table

import (
	"io"
	"strings"
	"unicode/utf8"

	"starling/cmd/starling/internal/words"
)

// Column is one column of a table.
type Column struct {
	Name string
	// Right aligns it to the right, as numbers are.
	Right bool
	// Flexible is cut where the table is wider than the screen; one column is.
	Flexible bool
	// Optional is left out where no row has anything in it.
	Optional bool
}

// Table gathers rows, and writes them once all widths are known.
type Table struct {
	columns []Column
	rows    []row
}

type row struct {
	cells []string
	below []string // text that follows the row
}

// New returns a table without rows.
func New(columns ...Column) *Table { return &Table{columns: columns} }

// Add adds a row with a cell for each column. Cells are cleaned: what they hold
// may come from anybody.
func (t *Table) Add(cells ...string) {
	clean := make([]string, len(t.columns))
	for i := range clean {
		if i < len(cells) {
			clean[i] = words.Clean(cells[i])
		}
	}
	t.rows = append(t.rows, row{cells: clean})
}

// Below adds text of its own beneath the last row, indented; it is wrapped.
func (t *Table) Below(text string) {
	last := &t.rows[len(t.rows)-1]
	last.below = append(last.below, words.Clean(text))
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

const (
	gap    = 2 // spaces between columns
	indent = 3 // spaces before text beneath a row
)

// Write writes the table, no line wider than width characters; 0 means as wide
// as it likes.
func (t *Table) Write(w io.Writer, width int) error {
	shown, widths := t.layout(width)
	var b strings.Builder
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = strings.ToUpper(c.Name)
	}
	t.line(&b, names, shown, widths)
	for _, r := range t.rows {
		t.line(&b, r.cells, shown, widths)
		for _, text := range r.below {
			for _, line := range words.Wrap(text, max(0, width-indent)) {
				b.WriteString(strings.Repeat(" ", indent) + line + "\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// layout chooses the columns to show, and how wide each is.
func (t *Table) layout(width int) (shown []int, widths []int) {
	widths = make([]int, len(t.columns))
	total := -gap
	for i, c := range t.columns {
		content := 0
		for _, r := range t.rows {
			content = max(content, utf8.RuneCountInString(r.cells[i]))
		}
		if c.Optional && content == 0 {
			continue
		}
		widths[i] = max(content, utf8.RuneCountInString(c.Name))
		shown = append(shown, i)
		total += widths[i] + gap
	}
	if width <= 0 || total <= width {
		return shown, widths
	}
	for _, i := range shown {
		if t.columns[i].Flexible {
			widths[i] = max(1, widths[i]-(total-width))
		}
	}
	return shown, widths
}

func (t *Table) line(b *strings.Builder, cells []string, shown, widths []int) {
	var line strings.Builder
	for n, i := range shown {
		if n > 0 {
			line.WriteString(strings.Repeat(" ", gap))
		}
		cell := words.Cut(cells[i], widths[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if t.columns[i].Right {
			cell, pad = pad, cell
		}
		line.WriteString(cell + pad)
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}
