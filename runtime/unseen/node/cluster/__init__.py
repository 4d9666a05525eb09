"""Long tasks on other machines: a Dask cluster behind `Executor`. Only modules here import Dask."""
