//! Both theatres side by side.

use std::fmt::Write;

use super::words::escaped;
use crate::scenario::Compared;
use crate::scenario::compare::shown;
use crate::scenario::report::Verdict;

/// What both theatres said, in tables.
pub(super) fn side_by_side(both: &Compared) -> String {
    let mut html = String::from(
        "<section><h2>The simulator and real servents, side by side</h2>\n<p class=\"soft\">What follows \
         from the graph alone must agree exactly; other counts depend on which copy comes first, and \
         times on the machine.</p>\n<table><thead><tr><th></th><th>simulated</th><th>real</th>\
         <th></th></tr></thead><tbody>\n",
    );
    let many = both.simulated.runs.len() > 1;
    for row in &both.rows {
        let run = both.simulated.runs.get(row.run).filter(|_| many);
        let of = run.map_or(String::new(), |run| format!("{} (seed {}) ", run.label, run.seed));
        let (class, word) = match row.exact {
            Some(true) => ("held", "agrees, as it must"),
            Some(false) => ("failed", "must agree and does not"),
            None => ("soft", ""),
        };
        let (simulated, real) = (shown(row, row.simulated), shown(row, row.real));
        let fact = escaped(&row.fact);
        let _ = writeln!(
            html,
            "<tr><td>{}<code>{fact}</code></td><td>{simulated}</td><td>{real}</td>\
             <td class=\"{class}\">{word}</td></tr>",
            escaped(&of)
        );
    }
    for verdicts in &both.verdicts {
        let _ = writeln!(
            html,
            "<tr><td><code>{}</code></td>{}{}<td></td></tr>",
            escaped(&verdicts.text),
            cell(verdicts.simulated),
            cell(verdicts.real)
        );
    }
    html.push_str("</tbody></table></section>\n");
    html
}

fn cell(verdict: Verdict) -> String {
    let (class, word) = match verdict {
        Verdict::Held => ("held", "held"),
        Verdict::Failed => ("failed", "failed"),
        Verdict::NotAsked => ("soft", "not asked"),
    };
    format!("<td class=\"{class}\">{word}</td>")
}
