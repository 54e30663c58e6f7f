//! The table of many results: typed columns with units and definitions, as Python lists and as Arrow.

use crate::compare::Comparison;
use crate::error::{no_such, wrong_type, wrong_value};
use crate::report::Report;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Field, Schema};
use otoscope::spec::{Exactness, FieldSpec};
use otoscope::stats;
use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCapsule, PyDict, PyInt, PyList, PyString};
use std::collections::HashMap;
use std::sync::Arc;

/// The cells of one column; `None` where a row has no value.
#[derive(Debug, Clone)]
pub(crate) enum Cells {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// What the numbers of a column are.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    unit: &'static str,
    symbol: &'static str,
    doc: String,
    definition: String,
    revision: Option<u16>,
    tolerance: Option<f64>,
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    name: String,
    about: About,
    cells: Cells,
    /// Whether it was measured, and so has a mean.
    measured: bool,
}

impl About {
    pub(crate) fn doc(doc: &str) -> Self {
        Self { doc: doc.to_owned(), ..Self::default() }
    }

    pub(crate) fn unit(unit: otoscope::spec::Unit, doc: &str) -> Self {
        Self { unit: unit.name(), symbol: unit.symbol(), doc: doc.to_owned(), ..Self::default() }
    }

    pub(crate) fn field(field: &FieldSpec, definition: &str, revision: u16) -> Self {
        let tolerance = match field.exactness {
            Exactness::Exact => 0.0,
            Exactness::Abs(tolerance) => tolerance,
        };
        let (definition, revision, tolerance) = (definition.to_owned(), Some(revision), Some(tolerance));
        Self { definition, revision, tolerance, ..Self::unit(field.unit, field.doc) }
    }

    /// In words, for Arrow and for Python.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let number = |x: f64| format!("{x}");
        let mut pairs = vec![
            ("unit", self.unit.to_owned()),
            ("symbol", self.symbol.to_owned()),
            ("doc", self.doc.clone()),
            ("definition", self.definition.clone()),
            ("revision", self.revision.map_or_else(String::new, |r| r.to_string())),
            ("tolerance", self.tolerance.map_or_else(String::new, number)),
        ];
        pairs.retain(|(_, value)| !value.is_empty());
        pairs
    }
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, about: About, cells: Cells) -> Self {
        Self { name: name.into(), about, cells, measured: false }
    }

    pub(crate) fn measured(name: impl Into<String>, about: About, cells: Cells) -> Self {
        Self { name: name.into(), about, cells, measured: true }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A column of the caller's: whole numbers, numbers, truth values or texts, whichever holds all of it.
    pub(crate) fn of_caller(name: &str, values: &[Bound<'_, PyAny>]) -> PyResult<Self> {
        let missing = |x: &Bound<'_, PyAny>| x.is_none() || x.ne(x).unwrap_or(true);
        let present: Vec<Option<&Bound<'_, PyAny>>> = values.iter().map(|x| (!missing(x)).then_some(x)).collect();
        let text = |x: &Bound<'_, PyAny>| x.str().map(|s| s.to_string());
        let is_bool = |x: &Bound<'_, PyAny>| x.is_instance_of::<PyBool>() || x.extract::<bool>().is_ok();
        let is_int = |x: &Bound<'_, PyAny>| x.is_instance_of::<PyInt>() || x.hasattr("__index__").unwrap_or(false);
        let all = |is: &dyn Fn(&Bound<'_, PyAny>) -> bool| present.iter().flatten().all(|x| is(x));
        let any = present.iter().any(Option::is_some);
        let cells = if any && all(&is_bool) {
            Cells::Bool(present.iter().map(|x| x.and_then(|x| x.extract().ok())).collect())
        } else if any && all(&|x| is_int(x) && x.extract::<i64>().is_ok()) {
            Cells::Int(present.iter().map(|x| x.and_then(|x| x.extract().ok())).collect())
        } else if any && all(&|x| !x.is_instance_of::<PyString>() && x.extract::<f64>().is_ok()) {
            Cells::Float(present.iter().map(|x| x.and_then(|x| x.extract().ok())).collect())
        } else {
            Cells::Text(present.iter().map(|x| x.map(text).transpose()).collect::<PyResult<_>>()?)
        };
        Ok(Self::new(name, About::doc("Given by the caller."), cells))
    }

    fn len(&self) -> usize {
        match &self.cells {
            Cells::Bool(x) => x.len(),
            Cells::Int(x) => x.len(),
            Cells::Float(x) => x.len(),
            Cells::Text(x) => x.len(),
        }
    }

    fn kind(&self) -> &'static str {
        match self.cells {
            Cells::Bool(_) => "bool",
            Cells::Int(_) => "int",
            Cells::Float(_) => "float",
            Cells::Text(_) => "str",
        }
    }

    /// One cell as people would write it.
    pub(crate) fn text(&self, row: usize) -> Option<String> {
        match &self.cells {
            Cells::Bool(x) => x[row].map(|x| x.to_string()),
            Cells::Int(x) => x[row].map(|x| x.to_string()),
            Cells::Float(x) => x[row].map(|x| x.to_string()),
            Cells::Text(x) => x[row].clone(),
        }
    }

    fn numbers(&self) -> Option<Vec<Option<f64>>> {
        match &self.cells {
            Cells::Float(x) => Some(x.clone()),
            Cells::Int(x) => Some(x.iter().map(|x| x.map(|x| x as f64)).collect()),
            Cells::Bool(_) | Cells::Text(_) => None,
        }
    }

    /// The cells of some rows.
    fn pick(&self, rows: &[usize]) -> Cells {
        fn of<T: Clone>(cells: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|&i| cells[i].clone()).collect()
        }
        match &self.cells {
            Cells::Bool(x) => Cells::Bool(of(x, rows)),
            Cells::Int(x) => Cells::Int(of(x, rows)),
            Cells::Float(x) => Cells::Float(of(x, rows)),
            Cells::Text(x) => Cells::Text(of(x, rows)),
        }
    }

    fn cell<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        Ok(match &self.cells {
            Cells::Bool(x) => x[row].into_pyobject(py)?,
            Cells::Int(x) => x[row].into_pyobject(py)?,
            Cells::Float(x) => x[row].into_pyobject(py)?,
            Cells::Text(x) => x[row].as_deref().into_pyobject(py)?,
        })
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match &self.cells {
            Cells::Bool(x) => PyList::new(py, x),
            Cells::Int(x) => PyList::new(py, x),
            Cells::Float(x) => PyList::new(py, x),
            Cells::Text(x) => PyList::new(py, x),
        }
    }

    fn arrow(&self) -> (Field, ArrayRef) {
        let (kind, array): (DataType, ArrayRef) = match &self.cells {
            Cells::Bool(x) => (DataType::Boolean, Arc::new(BooleanArray::from(x.clone()))),
            Cells::Int(x) => (DataType::Int64, Arc::new(Int64Array::from(x.clone()))),
            Cells::Float(x) => (DataType::Float64, Arc::new(Float64Array::from(x.clone()))),
            Cells::Text(x) => (DataType::Utf8, Arc::new(StringArray::from(x.clone()))),
        };
        let metadata: HashMap<String, String> =
            self.about.pairs().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        (Field::new(&self.name, kind, true).with_metadata(metadata), array)
    }
}

/// What the rows of a table were made from.
pub(crate) enum Rows {
    Reports(Vec<Option<Py<Report>>>),
    Comparisons(Vec<Option<Py<Comparison>>>),
    /// A summary: nothing but numbers.
    None,
}

/// A table of many results, a row for each input, in the order of the input. Cannot be changed.
///
/// ``results["loudness.integrated_lufs"]`` is a column: a list with None where a row has no value. ``results[3]`` is the `Report` or
/// `Comparison` of a row, None if that row failed (column ``status``); iterating gives one after the other. `to_pandas`, `to_polars`
/// and `to_pyarrow` make data frames; whatever else reads the Arrow PyCapsule interface can take the table as it is. Units and
/// definitions are in the metadata of the Arrow fields and in `schema`.
#[pyclass(module = "otoscope", frozen, sequence)]
pub(crate) struct Results {
    columns: Vec<Column>,
    rows: Rows,
    len: usize,
    what: &'static str,
}

impl Results {
    pub(crate) fn new(what: &'static str, columns: Vec<Column>, rows: Rows, len: usize) -> PyResult<Self> {
        for (i, column) in columns.iter().enumerate() {
            if columns[..i].iter().any(|c| c.name == column.name) {
                let problem = format!("there would be two columns called {:?}", column.name);
                return Err(wrong_value("columns", problem, "rename yours"));
            }
            if column.len() != len {
                let problem = format!("{:?} has {} rows, not {len}", column.name, column.len());
                return Err(wrong_value("columns", problem, "give each column a value for each row"));
            }
        }
        Ok(Self { columns, rows, len, what })
    }

    fn column(&self, name: &str) -> PyResult<&Column> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            Python::attach(|py| match PyList::new(py, self.columns.iter().map(|c| &c.name)) {
                Ok(names) => no_such(py, "column", name, names.into_any(), "results.columns has all of them"),
                Err(error) => error,
            })
        })
    }

    fn row<'py>(&self, py: Python<'py>, i: usize) -> PyResult<Bound<'py, PyAny>> {
        match &self.rows {
            Rows::Reports(rows) => Ok(rows[i].as_ref().into_pyobject(py)?),
            Rows::Comparisons(rows) => Ok(rows[i].as_ref().into_pyobject(py)?),
            Rows::None => self.dict(py, i).map(Bound::into_any),
        }
    }

    fn dict<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for column in &self.columns {
            dict.set_item(&column.name, column.cell(py, row)?)?;
        }
        Ok(dict)
    }

    fn batch(&self) -> PyResult<RecordBatch> {
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = self.columns.iter().map(Column::arrow).unzip();
        RecordBatch::try_new(Arc::new(self.arrow_schema(fields)), arrays).map_err(arrow_error)
    }

    fn arrow_schema(&self, fields: Vec<Field>) -> Schema {
        let pairs = [("otoscope.table", self.what), ("otoscope.version", otoscope::VERSION)];
        let metadata: HashMap<String, String> = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        Schema::new(fields).with_metadata(metadata)
    }

    /// The number of the group of each row, and the first row of each group. Groups come in the order in which they first appear.
    fn groups(&self, by: &[String]) -> PyResult<(Vec<usize>, Vec<usize>)> {
        let keys = by.iter().map(|name| self.column(name)).collect::<PyResult<Vec<_>>>()?;
        let mut known: HashMap<Vec<Option<String>>, usize> = HashMap::new();
        let (mut of_row, mut first) = (Vec::with_capacity(self.len), Vec::new());
        for row in 0..self.len {
            let key = keys.iter().map(|column| column.text(row)).collect();
            let group = *known.entry(key).or_insert(first.len());
            if group == first.len() {
                first.push(row);
            }
            of_row.push(group);
        }
        Ok((of_row, first))
    }
}

fn arrow_error(error: arrow_schema::ArrowError) -> PyErr {
    PyRuntimeError::new_err(format!("Arrow: {error}"))
}

/// Nothing, a name, or several.
fn read_names(argument: &str, names: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let Some(names) = names else { return Ok(Vec::new()) };
    if let Ok(name) = names.extract::<String>() {
        return Ok(vec![name]);
    }
    let wrong =
        |_| wrong_type(argument, "it must be the name of a column, or a list of names", "see `Results.columns`");
    names.try_iter().map_err(wrong)?.map(|name| name?.extract().map_err(wrong)).collect()
}

fn check_ci(ci: f64) -> PyResult<()> {
    let fine = ci > 0.0 && ci < 1.0;
    if fine { Ok(()) } else { Err(wrong_value("ci", format!("{ci} is no probability"), "give one such as 0.95")) }
}

#[pymethods]
impl Results {
    /// The names of the columns: a list of str.
    #[getter]
    fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(|c| c.name.as_str()).collect()
    }

    /// What each column is.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     ``name``, ``type`` (``"float"``, ``"int"``, ``"str"`` or ``"bool"``) and, where they apply, ``unit``, ``symbol``, ``doc``,
    ///     ``definition`` (whose), ``revision`` (rises when values move) and ``tolerance`` (how far two machines may differ).
    #[getter]
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for column in &self.columns {
            let dict = PyDict::new(py);
            dict.set_item("name", &column.name)?;
            dict.set_item("type", column.kind())?;
            for (key, value) in column.about.pairs() {
                dict.set_item(key, value)?;
            }
            list.append(dict)?;
        }
        Ok(list)
    }

    /// Why rows failed: a dict from the number of the row to a sentence.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let failed = |i: usize| match &self.rows {
            Rows::Reports(rows) => rows[i].is_none(),
            Rows::Comparisons(rows) => rows[i].is_none(),
            Rows::None => false,
        };
        if let Some(messages) = self.columns.iter().find(|c| c.name == "message") {
            for i in (0..self.len).filter(|&i| failed(i)) {
                dict.set_item(i, messages.text(i).unwrap_or_default())?;
            }
        }
        Ok(dict)
    }

    /// The rows as dicts from column to value: a list. Needs nothing installed.
    fn to_dicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for row in 0..self.len {
            list.append(self.dict(py, row)?)?;
        }
        Ok(list)
    }

    /// A ``pandas.DataFrame``; its ``attrs["otoscope"]`` is `schema` by column. Needs pandas.
    fn to_pandas<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("otoscope._frames")?.call_method1("to_pandas", (slf,))
    }

    /// A ``polars.DataFrame``. Needs polars.
    fn to_polars<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("otoscope._frames")?.call_method1("to_polars", (slf,))
    }

    /// A ``pyarrow.Table`` with units and definitions in the metadata of its fields. Needs pyarrow.
    fn to_pyarrow<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("otoscope._frames")?.call_method1("to_pyarrow", (slf,))
    }

    /// Means with confidence intervals, for each group and each measured column that has a value.
    ///
    /// The interval is Student's: it covers the true mean of such rows with the probability `ci` if rows are independent. Two systems
    /// whose intervals overlap may still differ surely: `versus` compares them item by item.
    ///
    /// Parameters
    /// ----------
    /// by : str or list of str, optional
    ///     Columns whose values make the groups, such as ``"voice"``; all rows are one group without it.
    /// ci : float
    ///     The probability, between 0 and 1.
    /// columns : str or list of str, optional
    ///     Only these columns.
    ///
    /// Returns
    /// -------
    /// Results
    ///     A row for each group and column: the columns of `by`, ``field``, ``unit``, ``count``, ``missing`` (rows without a value),
    ///     ``mean``, ``sd``, ``ci_low``, ``ci_high``.
    ///
    /// Raises
    /// ------
    /// KeyError
    ///     For a column there is not.
    /// InputError
    ///     For a column that holds no numbers, or a `ci` that is no probability.
    #[pyo3(signature = (by=None, *, ci=0.95, columns=None))]
    fn summary(&self, by: Option<&Bound<'_, PyAny>>, ci: f64, columns: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        check_ci(ci)?;
        let by = read_names("by", by)?;
        let wanted = match columns {
            None => self.columns.iter().filter(|c| c.measured).collect(),
            some => {
                let names = read_names("columns", some)?;
                names.iter().map(|name| self.column(name)).collect::<PyResult<Vec<_>>>()?
            }
        };
        let (of_row, first) = self.groups(&by)?;
        let (mut rows, mut fields, mut units) = (Vec::new(), Vec::new(), Vec::new());
        let (mut counts, mut missing, mut means, mut sds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut lows, mut highs) = (Vec::new(), Vec::new());
        let mut found: Vec<(&Column, Vec<stats::Group<usize>>)> = Vec::new();
        for column in wanted {
            let numbers = column.numbers().ok_or_else(|| {
                let problem = format!("{:?} holds no numbers", column.name);
                wrong_value("columns", problem, "name columns of numbers")
            })?;
            if columns.is_some() || numbers.iter().any(Option::is_some) {
                found.push((column, stats::by_group(&of_row, &numbers, ci)));
            }
        }
        for (group, &row) in first.iter().enumerate() {
            for (column, groups) in &found {
                let stats::Group { mean, missing: without, .. } = &groups[group];
                rows.push(row);
                fields.push(Some(column.name.clone()));
                units.push(Some(column.about.symbol.to_owned()));
                counts.push(Some(mean.map_or(0, |m| m.count as i64)));
                missing.push(Some(*without as i64));
                means.push(mean.map(|m| m.mean));
                sds.push(mean.and_then(|m| m.sd));
                lows.push(mean.and_then(|m| m.interval).map(|(low, _)| low));
                highs.push(mean.and_then(|m| m.interval).map(|(_, high)| high));
            }
        }
        let len = rows.len();
        let mut table: Vec<Column> = Vec::new();
        for name in &by {
            let column = self.column(name)?;
            table.push(Column::new(name.clone(), column.about.clone(), column.pick(&rows)));
        }
        let interval = format!("Limit of the interval that covers the mean with the probability {ci} (Student's t).");
        table.extend([
            Column::new("field", About::doc("The column that was summed up."), Cells::Text(fields)),
            Column::new("unit", About::doc("The unit of the numbers of this row."), Cells::Text(units)),
            Column::new("count", About::doc("Rows with a value."), Cells::Int(counts)),
            Column::new("missing", About::doc("Rows without a value."), Cells::Int(missing)),
            Column::new("mean", About::doc("Arithmetic mean."), Cells::Float(means)),
            Column::new("sd", About::doc("Standard deviation of a sample (divided by count - 1)."), Cells::Float(sds)),
            Column::new("ci_low", About::doc(&interval), Cells::Float(lows)),
            Column::new("ci_high", About::doc(&interval), Cells::Float(highs)),
        ]);
        Self::new("summary/1", table, Rows::None, len)
    }

    /// Compares two systems item by item, by resampling the items.
    ///
    /// Parameters
    /// ----------
    /// column : str
    ///     The numbers to compare, such as ``"pesq_wb.mos_lqo"``.
    /// first, second : str
    ///     Two values of the column `by`; the result is first minus second.
    /// by : str
    ///     The column that says which system a row is of.
    /// item : str
    ///     The column that says which rows belong together, such as a sentence or the reference; each item counts once for each
    ///     system, by the mean of its rows.
    /// ci : float
    ///     The probability that the interval covers the true difference.
    /// resamples : int
    ///     How many times the items are drawn anew.
    /// seed : int
    ///     The same seed gives the same bits.
    ///
    /// Returns
    /// -------
    /// dict
    ///     ``items`` (with values of both systems), ``difference`` (the mean), ``ci_low``, ``ci_high`` (percentiles), ``p_value``
    ///     (of no difference, both sides).
    ///
    /// Raises
    /// ------
    /// KeyError
    ///     For a column there is not.
    /// InputError
    ///     For fewer than two items that both systems have, or a column that holds no numbers.
    #[pyo3(signature = (column, first, second, *, by="system", item="ref", ci=0.95, resamples=10_000, seed=0))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn versus<'py>(
        &self,
        py: Python<'py>,
        column: &str,
        first: &str,
        second: &str,
        by: &str,
        item: &str,
        ci: f64,
        resamples: usize,
        seed: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        check_ci(ci)?;
        let values = self
            .column(column)?
            .numbers()
            .ok_or_else(|| wrong_value("column", format!("{column:?} holds no numbers"), "name a column of numbers"))?;
        let (systems, items) = (self.column(by)?, self.column(item)?);
        let of = |system: &str| {
            let mine = |&row: &usize| systems.text(row).as_deref() == Some(system);
            let rows: Vec<usize> = (0..self.len).filter(mine).collect();
            let keys: Vec<Option<String>> = rows.iter().map(|&row| items.text(row)).collect();
            let values: Vec<Option<f64>> = rows.iter().map(|&row| values[row]).collect();
            stats::by_group(&keys, &values, ci)
        };
        let seconds: HashMap<Option<String>, f64> =
            of(second).into_iter().filter_map(|group| Some((group.key, group.mean?.mean))).collect();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for group in of(first) {
            if let (Some(mean), Some(other)) = (group.mean, seconds.get(&group.key)) {
                a.push(mean.mean);
                b.push(*other);
            }
        }
        let found = py.detach(|| stats::paired(&a, &b, ci, resamples, seed)).ok_or_else(|| {
            let problem = format!("{} items have a {column} of both {first:?} and {second:?} in {by:?}", a.len());
            wrong_value("item", problem, "two at least are needed, and one resample: see `by`, `item` and `resamples`")
        })?;
        let dict = PyDict::new(py);
        dict.set_item("items", found.count)?;
        dict.set_item("difference", found.difference)?;
        dict.set_item("ci_low", found.interval.0)?;
        dict.set_item("ci_high", found.interval.1)?;
        dict.set_item("p_value", found.p_value)?;
        Ok(dict)
    }

    /// The table for whatever reads Arrow's PyCapsule interface; all of it in one batch, in the types it has.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A request is a wish, and may be ignored.
        let _ = requested_schema;
        let batch = self.batch()?;
        let schema = batch.schema();
        let batches = RecordBatchIterator::new([Ok(batch)], schema);
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// The types of the columns for whatever reads Arrow's PyCapsule interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let fields = self.columns.iter().map(|c| c.arrow().0).collect();
        let schema = FFI_ArrowSchema::try_from(&self.arrow_schema(fields)).map_err(arrow_error)?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    fn __len__(&self) -> usize {
        self.len
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = (0..self.len).map(|i| self.row(py, i)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, rows)?.try_iter()?.into_any())
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(name) = key.extract::<String>() {
            return Ok(self.column(&name)?.list(py)?.into_any());
        }
        let i: i64 = key
            .extract()
            .map_err(|_| wrong_type("key", "it must be the number of a row or the name of a column", ""))?;
        let at = if i < 0 { i + self.len as i64 } else { i };
        match usize::try_from(at) {
            Ok(at) if at < self.len => self.row(py, at),
            _ => Err(PyIndexError::new_err(format!("row {i} of {}", self.len))),
        }
    }

    /// The first rows, and what more there is.
    fn __repr__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let title = slf.get().title(slf.py())?;
        slf.py().import("otoscope._text")?.call_method1("results_text", (slf, title))
    }

    /// The table as HTML, for notebooks.
    fn _repr_html_<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let title = slf.get().title(slf.py())?;
        slf.py().import("otoscope._html")?.call_method1("results_html", (slf, title))
    }
}

impl Results {
    fn title(&self, py: Python<'_>) -> PyResult<String> {
        let failed = self.errors(py)?.len();
        let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        let (rows, columns) = (self.len, self.columns.len());
        let what = match self.rows {
            Rows::Reports(_) => "reports",
            Rows::Comparisons(_) => "comparisons",
            Rows::None => "rows",
        };
        Ok(format!("<otoscope.Results: {rows} {what}, {columns} columns{failed}>"))
    }
}
